import Base
import Foundation
import Models
import TestSupport
import Testing

/// A key of a GGUF file or of config.json is spelled in one place: in a data file or once in Swift.
@Suite struct KeyLiteralTests {
  /// String literals that look like keys, with the places where they stand. Reports, and the identity
  /// of results, have names of their own for what they state.
  private static func literals() throws -> [String: [String]] {
    let root = References.file("Sources")
    let pattern = /"([a-z0-9_]+(?:[._][a-z0-9]+)+\.?)"/
    var places: [String: [String]] = [:]
    for case let path as String in try #require(FileManager.default.enumerator(atPath: root))
    where path.hasSuffix(".swift") && !path.hasPrefix("Reports/")
      && path != "Evaluation/Model+Identity.swift"
    {
      let text = try String(contentsOfFile: "\(root)/\(path)", encoding: .utf8)
      for line in text.split(separator: "\n") {
        if line.drop(while: { $0 == " " }).hasPrefix("//") { continue }
        for match in line.matches(of: pattern) {
          places[String(match.1), default: []].append(path)
        }
      }
    }
    return places
  }

  /// Where keys are spelled in Swift.
  private static func spellsKeys(_ path: String) -> Bool {
    path.hasPrefix("Models/Containers/")
      || [
        "Checkpoints/GGUF/GGUFLimits.swift", "Checkpoints/GGUF/Shards.swift",
        "Vocabulary/TokenizerKey.swift",
      ].contains(path)
  }

  @Test func keysInSwiftStandOnce() throws {
    let literals = try Self.literals().filter {
      !$0.key.hasSuffix(".json") && $0.value.contains(where: Self.spellsKeys)
    }
    #expect(literals.count > 40)
    for (key, places) in literals.sorted(by: { $0.key < $1.key }) {
      #expect(places.count == 1, "\(key): \(places)")
    }
    for prefix in ["general.", "tokenizer.", "rope.", "ropeconv.", "split."] {
      for (key, places) in try Self.literals() where key.hasPrefix(prefix) {
        if key.hasSuffix(".json") || key.hasSuffix(".model") { continue }
        #expect(places.allSatisfy(Self.spellsKeys), "\(key): \(places)")
      }
    }
  }

  /// Members that stand both beside and in the object that says how layers rotate, and the key of
  /// Phi 3 that other families have as part of a scaling.
  private static let sharedWithScaling = [
    "rope_theta", "partial_rotary_factor", "original_max_position_embeddings",
    "rope.scaling.original_context_length",
  ]

  @Test func keysOfDataFilesAreNotInSwift() throws {
    let literals = try Self.literals()
    for name in try Architecture.names() {
      let architecture = try Architecture(named: name)
      var keys = architecture.hyperparameters.values.flatMap { $0.names.values.flatMap { $0 } }
      keys += Array(architecture.required.keys) + Array(architecture.copied.keys)
      keys += architecture.copied.values.map(\.huggingface) + [architecture.block.activationKey]
      for key in keys {
        // The vocabulary of the data files has names of its own, of which some are keys as well.
        let places = (literals[key] ?? []).filter { !$0.hasPrefix("Models/Architecture/") }
        #expect(
          places.count <= (Self.sharedWithScaling.contains(key) ? 1 : 0), "\(key): \(places)")
      }
    }
  }
}
