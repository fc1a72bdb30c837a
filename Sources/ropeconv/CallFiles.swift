import Base
import Checkpoints

/// The files a call reads and those it writes, checked against each other before anything is
/// written and before long work: no output may be an input, nor two outputs one file, whatever
/// links lead there.
struct CallFiles {
  private struct Output {
    let option: String
    let path: String
    /// Nil for a file that is appended to.
    let force: Bool?
  }

  private(set) var inputs: [String] = []
  private var outputs: [Output] = []

  /// Models with all the files they consist of.
  init(models: String...) { self.init(models: models) }

  init(models: [String]) {
    inputs = models.flatMap(ModelFolder.inputPaths(of:))
  }

  /// Files that are read; nil and `-` are none by a name, but `-` may be a file all the same.
  mutating func read(_ paths: String?...) {
    inputs += paths.compactMap { $0 == "-" ? "/dev/stdin" : $0 }
  }

  /// A file that is read, or those files of a folder.
  /// - Throws: `InputFault.notReadable` for a folder that cannot be listed: which files it holds,
  ///   and whether an output is one of them, is not known.
  mutating func read(_ path: String?, orFilesOf members: FolderMembers) throws(FileError) {
    guard let path else { return }
    inputs.append(path)
    guard FileStamp(path: path)?.isFolder == true else { return }
    inputs += try members.names(in: path).map { "\(path)/\($0)" }
  }

  /// A file that is written, where a path is given.
  mutating func write(_ path: String?, _ option: String, force: Bool) {
    guard let path else { return }
    outputs.append(Output(option: option, path: path, force: force))
  }

  /// A file that is appended to.
  mutating func append(_ path: String?, _ option: String) {
    guard let path else { return }
    outputs.append(Output(option: option, path: path, force: nil))
  }

  /// What every long evaluation writes beside its result.
  mutating func write(_ longRun: LongRunOptions, _ thresholds: ThresholdOptions, force: Bool) {
    write(thresholds.junit, "--junit", force: force)
    append(longRun.state, "--state")
  }

  /// - Throws: `FileError.output`, exit code 73; `UsageError` for `-`, which stands for a stream
  ///   where files are read and would be a file of that name here.
  func check() throws {
    for (index, output) in outputs.enumerated() {
      guard output.path != "-" else {
        throw UsageError("\(output.option) is '-', expected the name of a file")
      }
      if let other = outputs[..<index].first(where: {
        OutputTarget.isSameFile($0.path, output.path)
      }) {
        throw FileError.output(
          .isOutput(of: other.option), file: output.path, place: .whole)
      }
      guard !OutputTarget.isSameFile("/dev/stdout", output.path) else {
        throw FileError.output(
          .isOutput(of: "standard output"), file: output.path, place: .whole)
      }
      try OutputTarget.checkIsNoInput(output.path, inputs: inputs)
      if let force = output.force {
        try WholeFile.check(output.path, force: force, inputs: inputs)
      }
    }
  }
}
