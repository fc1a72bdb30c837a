import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Reports
import TestSupport

/// Checkpoints in every container.
enum Containers {
  /// Every seed as one file of this ending.
  private static func converted(_ workplace: Workplace, to ending: String) throws -> [String] {
    try workplace.checkpoints.enumerated().map { number, checkpoint in
      let output = workplace.path("seeds/\(number)\(ending)")
      try? FileManager.default.removeItem(atPath: output)
      let plan = try ConversionPlan(
        Model(opening: checkpoint).plan, ConversionRequest(sites: .scores, output: output))
      _ = try plan.write(version: "fuzz")
      return output
    }
  }

  static func gguf(_ workplace: Workplace) throws -> (inout SeededGenerator) throws -> Void {
    let paths = try converted(workplace, to: ".gguf")
    let seeds = try (paths + [References.file("Tests/CheckpointsTests/Golden/golden.gguf")]).map {
      let bytes = try Workplace.bytes($0)
      return (bytes, GGUFFields(of: bytes))
    }
    return { random in
      guard let (bytes, fields) = random.element(of: seeds) else { return }
      let mutated =
        random.isOne(in: 4)
        ? bytes.mutated(&random, within: 0..<(fields.headerLength + 64))
        : fields.mutated(&random)
      try workplace.exercise(workplace.write(mutated, to: "case.gguf"), &random)
    }
  }

  static func safetensors(_ workplace: Workplace) throws -> (inout SeededGenerator) throws -> Void {
    let seeds = try workplace.checkpoints.map {
      (
        try JSONValue.read(contentsOf: $0 + "config.json"),
        try Workplace.bytes($0 + "model.safetensors")
      )
    }
    return { random in
      guard let (configuration, bytes) = random.element(of: seeds) else { return }
      let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
      let mutated: [UInt8]
      if random.isOne(in: 3) {
        mutated = bytes.mutated(&random, within: 0..<(length + 16))
      } else {
        let header = try JSONValue.parse(Array(bytes[8..<(8 + length)]), file: "header")
        let text = Array(header.mutated(&random).serialized(pretty: false).utf8)
        mutated = little(UInt64(text.count), width: 8) + text + bytes[(8 + length)...]
      }
      let folder = try workplace.fresh("case")
      try configuration.serialized(pretty: false)
        .write(toFile: "\(folder)/config.json", atomically: false, encoding: .utf8)
      _ = try workplace.write(mutated, to: "case/model.safetensors")
      try workplace.exercise("\(folder)/model.safetensors", &random)
    }
  }

  /// Folders with another config.json, tokenizer.json or index.
  static func configuration(
    _ workplace: Workplace
  ) throws -> (inout SeededGenerator) throws -> Void {
    let files = FileManager.default
    let seeds = try workplace.checkpoints.map { seed in
      let names = try files.contentsOfDirectory(atPath: seed).sorted().filter {
        !$0.contains("golden") && !$0.contains("logits")
      }
      return (seed, names, names.filter { $0.hasSuffix(".json") })
    }
    return { random in
      guard let (seed, names, texts) = random.element(of: seeds) else { return }
      let chosen = random.isOne(in: 2) ? "config.json" : random.element(of: texts) ?? "config.json"
      let folder = try workplace.fresh("case")
      for name in names where name != chosen {
        try files.copyItem(atPath: "\(seed)/\(name)", toPath: "\(folder)/\(name)")
      }
      let bytes = try Workplace.bytes("\(seed)/\(chosen)")
      let mutated =
        random.isOne(in: 8)
        ? bytes.mutated(&random, within: bytes.indices)
        : Array(
          try JSONValue.parse(bytes, file: chosen).mutated(&random).serialized(pretty: false).utf8)
      _ = try workplace.write(mutated, to: "case/\(chosen)")
      try workplace.exercise(folder + "/", &random)
    }
  }

  static func archive(_ workplace: Workplace) throws -> (inout SeededGenerator) throws -> Void {
    let seeds = try [".tar", ".zip", ".tar.gz", ".tar.zst"].map { ending in
      // The fourth is nanoGPT, the smallest.
      let output = workplace.path("seeds/archived\(ending)")
      try? FileManager.default.removeItem(atPath: output)
      let plan = try ConversionPlan(
        Model(opening: workplace.checkpoints[2]).plan,
        ConversionRequest(sites: .all, output: output))
      _ = try plan.write(version: "fuzz")
      return (ending, try Workplace.bytes(output))
    }
    return { random in
      guard let (ending, bytes) = random.element(of: seeds) else { return }
      let ranges = [0..<1024, (bytes.count - 1500)..<bytes.count, bytes.indices]
      let mutated = bytes.mutated(&random, within: random.element(of: ranges) ?? bytes.indices)
      let path = try workplace.write(mutated, to: "case\(ending)")
      if random.isOne(in: 2) {
        _ = try ArchiveSurvey(of: path, hashing: true) { _, _ in }.findings()
      }
      try workplace.exercise(path, &random)
    }
  }
}
