import Base
import Checkpoints
import Foundation
import Models
import TestSupport
import Testing

/// Families by the user's own data files: read beside those of the program, and never in their place.
@Suite struct CatalogTests {
  /// A folder with data files made from that of Llama.
  private func folder(_ files: [(name: String, json: JSONValue)]) throws -> String {
    let folder = try References.temporaryFolder()
    for file in files {
      try file.json.serialized(pretty: true).write(
        toFile: "\(folder)/\(file.name)", atomically: true, encoding: .utf8)
    }
    return folder
  }

  /// The data file of Llama under another name, without what else makes it Llama's alone.
  private func family(_ name: String, reading types: [String]) throws -> JSONValue {
    let llama = try FormatResources.json(Architecture.file(of: "llama"))
    var members = try #require(llama.object)
    members["name"] = .string(name)
    members["model_types"] = .object(
      .init(uniqueKeysWithValues: types.map { ($0, JSONValue.string("OwnForCausalLM")) }))
    members["windowed_model_type"] = nil
    return .object(members)
  }

  private func lantern(as name: String) throws -> Checkpoint {
    let source = try Checkpoint.open(References.file("fixtures/lantern.gguf"))
    var metadata = source.metadata
    for (key, value) in source.metadata where key.hasPrefix("llama.") {
      metadata[name + key.dropFirst("llama".count)] = value
    }
    metadata["general.architecture"] = .string(name)
    return source.restated(metadata: metadata)
  }

  /// What the program's own files say of a type is of one that they name; a misspelled one would count
  /// for nothing.
  @Test func typesOfTheProgramsFilesAreTheirOwn() throws {
    let folder = References.file("formats/architectures")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(names.count > 30)
    for name in names where name.hasSuffix(".json") {
      let json = try JSONValue.read(contentsOf: "\(folder)/\(name)")
      let types = Set((json["model_types"]?.object ?? [:]).keys)
      for key in ["unread", "assumed"] {
        #expect(types.isSuperset(of: (json[key]?.object ?? [:]).keys), "\(name): \(key)")
      }
    }
  }

  @Test func aFileOfTheUsersIsRead() throws {
    let folder = try folder([("torch.json", try family("torch", reading: ["torch"]))])
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let checkpoint = try lantern(as: "torch")
    #expect(throws: FormatError.self) { try ModelPlan(checkpoint) }
    let plan = try ModelPlan(checkpoint, in: ArchitectureCatalog(adding: folder + "/"))
    let origin = try #require(plan.architecture.origin)
    #expect(origin.path == "\(folder)/torch.json")
    let bytes = try #require(FileManager.default.contents(atPath: origin.path))
    #expect(origin.sha256 == SourceHash.sha256(bytes: Array(bytes)))
    let plain = try ModelPlan(Checkpoint.open(References.file("fixtures/lantern.gguf")))
    #expect(plan.layers.map(\.recipe) == plain.layers.map(\.recipe))
    // The program's own are read as before.
    #expect(
      try ModelPlan(
        Checkpoint.open(References.file("fixtures/lantern.gguf")),
        in: ArchitectureCatalog(adding: folder)
      ).architecture.origin == nil)
  }

  @Test(arguments: [
    // A file's name, its family, what it reads, and the place and problem of the refusal.
    ("llama", ["own"], "name", "'llama' belongs to architectures/llama.json already"),
    (
      "own", ["own", "qwen3"], "model_types", "'qwen3' belongs to architectures/qwen3.json already"
    ),
    // Two files of the program's read some folders each, and none of them the rest.
    (
      "own", ["granitemoehybrid"], "model_types",
      "'granitemoehybrid' belongs to architectures/granitemoe.json already"
    ),
  ])
  func nothingOfTheProgramsIsTakenOver(
    name: String, types: [String], place: String, problem: String
  ) throws {
    let folder = try folder([("\(name).json", try family(name, reading: types))])
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let error = #expect(throws: FormatError.self) { try ArchitectureCatalog(adding: folder) }
    #expect(error?.file == "\(folder)/\(name).json")
    #expect(error?.place == place && error?.summary == problem)
  }

  @Test func twoFilesOfTheUsersDoNotClaimOneModel() throws {
    let folder = try folder([
      ("a.json", try family("a", reading: ["own"])), ("b.json", try family("b", reading: ["own"])),
    ])
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let error = #expect(throws: FormatError.self) { try ArchitectureCatalog(adding: folder) }
    #expect(error?.summary == "'own' belongs to \(folder)/a.json already")
  }

  @Test func keysThatRecognizeAModelBelongToOneFile() throws {
    let other = try #require(
      try FormatResources.json(Architecture.file(of: "nanogpt"))["recognized_by"])
    var members = try #require(try family("own", reading: ["own"]).object)
    members["recognized_by"] = .array((other.array ?? []).reversed())
    let folder = try folder([("own.json", .object(members))])
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let error = #expect(throws: FormatError.self) { try ArchitectureCatalog(adding: folder) }
    #expect(error?.place == "recognized_by")
  }

  @Test func whatIsNotUnderstoodIsNamedWithFileAndPlace() throws {
    var members = try #require(try family("own", reading: ["own"]).object)
    var block = try #require(members["block"]?.object)
    block["surprise"] = true
    members["block"] = .object(block)
    let folder = try folder([("own.json", .object(members))])
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let error = #expect(throws: FormatError.self) { try ArchitectureCatalog(adding: folder) }
    #expect(error?.file == "\(folder)/own.json" && error?.place == "block")
    #expect(error?.summary.contains("unknown key 'surprise'") == true)
  }

  @Test func aFolderMustBeThereAndHoldDataFiles() throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let empty = #expect(throws: FormatError.self) { try ArchitectureCatalog(adding: folder) }
    #expect(empty?.exitStatus == .malformedData)
    for path in ["\(folder)/none", "", References.file("fixtures/lantern.gguf")] {
      let error = #expect(throws: FileError.self) { try ArchitectureCatalog(adding: path) }
      #expect(error?.exitStatus == .noInput && error?.file == path)
    }
  }
}
