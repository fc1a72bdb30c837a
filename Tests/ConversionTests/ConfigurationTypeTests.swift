import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import TestSupport
import Testing

/// Numbers of a config.json made of a GGUF file have the types that the reference writes: it refuses
/// `256.0` where it wants `256`.
@Suite struct ConfigurationTypeTests {
  private static func kind(_ value: JSONValue) -> String {
    switch value {
    case .integer, .unsigned: "integer"
    case .number: "number"
    case .string: "string"
    case .bool: "truth value"
    case .null: "null"
    case .array: "array"
    case .object, .members: "object"
    }
  }

  private func compare(_ found: JSONValue, _ golden: JSONValue, _ place: String) {
    // The reference says null where a family's default is meant.
    guard found != .null, golden != .null else { return }
    #expect(Self.kind(found) == Self.kind(golden), "\(place)")
    for member in golden.members ?? [] {
      if let other = found[member.key] { compare(other, member.value, "\(place).\(member.key)") }
    }
    for (one, two) in zip(found.array ?? [], golden.array ?? []) { compare(one, two, place) }
  }

  @Test(arguments: References.parityFamilies)
  func typesAreTheReferences(name: String) throws {
    guard let source = try References.shared("parity/\(name)") else { return }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    var last = source
    for output in ["\(work)/one.gguf", "\(work)/two/"] {
      let plan = try Model(opening: last).plan
      _ = try ConversionPlan(
        plan, ConversionRequest(sites: plan.plainSites, output: output)
      ).write(version: "test")
      last = output
    }
    let golden = try JSONValue.read(contentsOf: "\(source)/config.json")
    let found = try JSONValue.read(contentsOf: "\(work)/two/config.json")
    compare(found, golden, name)
    if name == "gemma3" { #expect(found["query_pre_attn_scalar"]?.int != nil) }
  }
}
