import Base
import Checkpoints
import Evaluation
import Foundation

/// Everything that a plan's steps read and write, held against each other before a step runs: the
/// one place that knows it of the whole plan. A command knows its own files alone.
///
/// Later steps read the model that a conversion makes, by its name. That is not a conflict: as
/// models that are read count only the paths of `models`.
package struct PlanFiles {
  /// Who reads or writes a file, and by which key of the plan or for what.
  private struct User {
    /// Nil: the plan itself or the call.
    let step: String?
    let key: String

    var text: String { step.map { "the step \($0) (\(key))" } ?? key }
  }

  private struct Writer {
    let user: User
    let path: String
  }

  private let plan: Plan
  private var places: PlacesOfFiles
  private var writers: [PlacesOfFiles.Place: Writer] = [:]
  /// Writers by the folder that the file stands in, whatever links lead there.
  private var written: [PlacesOfFiles.Place: [Writer]] = [:]
  /// What was held against the writers already: most steps read the same.
  private var seen: Set<Step.Input> = []
  /// Folders whose files to come were held against the writers, each with the kind of files.
  private var watched: Set<Watched> = []

  private struct Watched: Hashable {
    let folder: PlacesOfFiles.Place
    let kind: String
  }

  /// - Parameters:
  ///   - plan: whose files are meant.
  ///   - foldsCase: whether names in a folder, by its path, are one where they differ in case
  ///     alone; nil asks the file system.
  package init(_ plan: Plan, foldsCase: ((String) -> Bool)? = nil) {
    self.plan = plan
    places = PlacesOfFiles(foldsCase: foldsCase)
  }

  /// - Parameter junit: the file that `run` writes.
  /// - Throws: as `Plan.checkFiles`.
  package mutating func check(junit: String?) throws {
    try write(plan.output, User(step: nil, key: "output, the folder of results"))
    try write(plan.modelFolder, User(step: nil, key: "the folder of converted models"))
    // Elsewhere the results of `run` itself would be mixed with a step's.
    if FileStamp(path: "/dev/stdout")?.isRegular == true {
      try write("/dev/stdout", User(step: nil, key: "standard output"))
    }
    for step in plan.steps {
      for ending in Plan.endings {
        try write(plan.file(ending, of: step), User(step: step.name, key: ending))
      }
      if let product = step.product {
        try write(product, User(step: step.name, key: "the model it makes"))
      }
      for output in step.outputs {
        try write(output.path, User(step: step.name, key: output.key))
      }
    }
    if let junit { try write(junit, User(step: nil, key: Self.junit)) }
    try checkInputs()
  }

  private static let junit = "the JUnit file of the call"

  private mutating func write(_ path: String, _ user: User) throws {
    let writer = Writer(user: user, path: path)
    let (place, folder) = places.place(of: path)
    if let other = writers.updateValue(writer, forKey: place) {
      guard user.key != Self.junit else {
        throw FileError.output(.isOutput(of: other.user.text), file: path, place: .whole)
      }
      let advice =
        user.key == other.user.key && PlanReader.outputs.contains(user.key)
        ? "; an evaluation of several models needs an entry for each, with a file of its own" : ""
      throw PlanError.malformed(
        file: plan.path,
        problem: "\(user.text) and \(other.user.text) would write one file, \(quoted(path))"
          + advice)
    }
    written[folder, default: []].append(writer)
  }

  // MARK: - What is read

  private mutating func checkInputs() throws {
    try read(plan.path == "-" ? "/dev/stdin" : plan.path, User(step: nil, key: "the plan"))
    for (name, path) in plan.models {
      let user = User(step: nil, key: "models.\(name)")
      let stamp = FileStamp(path: path)
      for file in stamp == nil ? [path] : ModelFolder.inputPaths(of: path) {
        try read(file, user)
      }
      // A file that would be read beside it, were it there.
      let isFolder = stamp?.isFolder == true
      if isFolder || path.lowercased().hasSuffix(".safetensors") {
        let (folder, kind) =
          isFolder ? (path, "a model's folder") : (Paths.folder(of: path), "beside a model")
        try read(allOf: folder, kind: kind, user) {
          ModelFolder.isModelFile($0)
            || isFolder && ($0.hasSuffix(".safetensors") || $0.hasSuffix(".gguf"))
        }
      }
    }
    if let folder = EnvironmentVariable.architectures.value, !folder.isEmpty {
      try read(
        Step.Input(path: folder, role: .data, key: "architectures"),
        User(step: nil, key: EnvironmentVariable.architectures.rawValue))
    }
    for step in plan.steps {
      for input in step.inputs where input.role != .model && seen.insert(input).inserted {
        try read(input, User(step: step.name, key: input.key))
      }
    }
  }

  /// A text, or the files of a folder that the option reads there.
  private mutating func read(_ input: Step.Input, _ user: User) throws {
    try read(input.path, user)
    if input.role == .template, FileStamp(path: input.path)?.isRegular == true,
      let json = try? JSONValue.read(contentsOf: input.path),
      let haystack = try? NeedleTemplate.haystack(of: json, file: input.path)
    {
      try read(
        Step.Input(path: haystack, role: .data, key: "haystack"),
        User(step: user.step, key: "haystack of its template"))
    }
    let kinds: [String: FolderMembers] = [
      "haystack": .texts, "essays": .texts, "tasks": .tasks, "architectures": .dataFiles,
    ]
    guard let members = kinds[input.key], FileStamp(path: input.path)?.isFolder == true else {
      return
    }
    for name in try members.names(in: input.path) {
      try read("\(input.path)/\(name)", user)
    }
    try read(allOf: input.path, kind: members.ending, user, where: members.include)
  }

  /// A file that is read, there or not yet.
  private mutating func read(_ path: String, _ user: User) throws {
    if let writer = writers[places.place(of: path).place] { try refuse(writer, path, user) }
  }

  /// Files of a folder that would be read once they are there.
  private mutating func read(
    allOf folder: String, kind: String, _ user: User, where isRead: (String) -> Bool
  ) throws {
    let place = places.place(ofFolder: folder)
    guard watched.insert(Watched(folder: place, kind: kind)).inserted else { return }
    for writer in written[place] ?? [] where isRead(Paths.name(of: writer.path)) {
      try refuse(writer, writer.path, user)
    }
  }

  private func refuse(_ writer: Writer, _ path: String, _ user: User) throws {
    // A folder of results may lie in one that is read.
    if writer.path == plan.output || writer.path == plan.modelFolder,
      FileStamp(path: path)?.isFolder ?? true
    {
      return
    }
    guard writer.user.key != Self.junit else {
      throw FileError.output(.isInput(input: path), file: writer.path, place: .whole)
    }
    throw PlanError.malformed(
      file: plan.path,
      problem:
        "\(writer.user.text) would write over \(quoted(path)), which is read by \(user.text)")
  }
}
