import Base
import Checkpoints
import Foundation
import Testing

/// What two folders' JSON says: numbers are the same where their values are, as they stand in the text.
@Suite struct FileDifferenceTests {
  private func model(_ generation: String) throws -> ScratchFolder {
    let folder = try ScratchFolder()
    try folder.add("config.json", #"{"model_type":"llama"}"#)
    try folder.add(
      "model.safetensors",
      safetensors(#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, data: [7]))
    try folder.add("generation_config.json", generation)
    return folder
  }

  private func saysSame(_ one: String, _ other: String) throws -> Bool {
    let (a, b) = (try model(one), try model(other))
    // The files beside the weights are opened as they are compared.
    let difference = try withExtendedLifetime((a, b)) {
      try CheckpointDifference(Checkpoint.open(a.path), Checkpoint.open(b.path), threads: 1)
    }
    let found = [difference.files.equal, difference.files.different.map(\.name)]
    #expect(found.joined().elementsEqual(["generation_config.json"]))
    return difference.isEmpty
  }

  @Test(arguments: [
    ("18446744073709551615", "18446744073709551614", false),
    ("9223372036854775808", "9223372036854775809", false),
    ("9223372036854775807", "9223372036854775806", false),
    ("9223372036854775807", "9223372036854775808", false),
    ("-1", "18446744073709551615", false), ("1", #""1""#, false), ("1.5", "null", false),
    ("18446744073709551615", " 18446744073709551615", true), ("1", "1.0", true),
    ("1e2", "100", true), ("0", "-0.0", true),
  ])
  func numbers(_ one: String, _ other: String, _ same: Bool) throws {
    #expect(try saysSame(#"{"x": [\#(one)]}"#, #"{"x": [\#(other)]}"#) == same)
    #expect(try saysSame(#"{"x": [\#(other)]}"#, #"{"x": [\#(one)]}"#) == same)
  }

  /// Keys that differ in their normalization alone are two, each with its own value.
  @Test func equivalentKeys() throws {
    let (composed, combined) = ("\u{E9}", "e\u{301}")
    let one = #"{"\#(composed)": 1, "\#(combined)": 2}"#
    #expect(try saysSame(one, #"{"\#(combined)": 2, "\#(composed)": 1.0}"#))
    #expect(try !saysSame(one, #"{"\#(combined)": 1, "\#(composed)": 2}"#))
  }
}
