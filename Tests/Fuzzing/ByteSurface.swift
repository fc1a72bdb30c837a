import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Tensors
import TestSupport
import Vocabulary

/// A kind of input whose bytes are all there is to it, for mutations that are guided by coverage.
struct ByteSurface: Sendable {
  let name: String
  /// Valid inputs to begin with.
  let seeds: @Sendable (Workplace) throws -> [[UInt8]]
  /// What is done with an input.
  let run: @Sendable (Workplace, [UInt8]) throws -> Void

  static let all = [gguf, safetensors, tokenizer, archive, json, decoders]

  private static let gguf = ByteSurface(name: "gguf") { workplace in
    try [References.file("Tests/CheckpointsTests/Golden/golden.gguf"), Self.smallGGUF(workplace)]
      .map(Workplace.bytes)
  } run: { workplace, bytes in
    try open(workplace.write(bytes, to: "case.gguf"))
  }

  private static let safetensors = ByteSurface(name: "safetensors") { _ in
    [try Workplace.bytes("\(nanoGPT)/model.safetensors")]
  } run: { workplace, bytes in
    _ = try workplace.write(Array("{}".utf8), to: "config.json")
    try open(workplace.write(bytes, to: "case.safetensors"))
  }

  private static let tokenizer = ByteSurface(name: "tokenizer") { _ in
    try ["gpt2", "llama3", "smollm", "spm-metaspace", "spm-prepend"].map {
      try Workplace.bytes(
        References.file("Tests/VocabularyTests/Golden/\($0)/tokenizer.json"))
    }
  } run: { workplace, bytes in
    _ = try workplace.write(bytes, to: "tokenizer.json")
    guard let tokenizer = try Tokenizer.load(fromFolder: workplace.folder) else { return }
    let text = Array("The lantern of \u{E9}t\u{E9} 12345 \n\n \u{1F642} <s>".utf8)
    let ids = try tokenizer.encode(text, addSpecial: true, parseSpecial: true, threads: 1)
    _ = tokenizer.decode(ids)
  }

  /// The first byte says which kind it is.
  private static let archive = ByteSurface(name: "archive") { workplace in
    try archiveEndings.enumerated().map { number, ending in
      let output = workplace.path("seed\(ending)")
      try? FileManager.default.removeItem(atPath: output)
      let plan = try ConversionPlan(
        Model(opening: nanoGPT).plan, ConversionRequest(sites: .all, output: output))
      _ = try plan.write(version: "fuzz")
      return [UInt8(number)] + (try Workplace.bytes(output))
    }
  } run: { workplace, bytes in
    guard let first = bytes.first else { return }
    let ending = archiveEndings[Int(first) % archiveEndings.count]
    let path = try workplace.write(Array(bytes.dropFirst()), to: "case\(ending)")
    _ = try ArchiveSurvey(of: path, hashing: true) { _, _ in }.findings()
    try open(path)
  }

  private static let archiveEndings = [".tar", ".zip", ".tar.gz", ".tar.zst"]

  private static let json = ByteSurface(name: "json") { _ in
    try [
      References.file("formats/architectures/llama.json"),
      "\(Workplace.fixtures)/lantern.needle.json",
    ].map(Workplace.bytes)
  } run: { _, bytes in
    try Texts.readAgain(bytes)
  }

  private static let decoders = ByteSurface(name: "decoders") { _ in
    decodable.indices.map { number in
      [UInt8(number)]
        + (0..<decodable[number].bytesPerBlock).map { UInt8(truncatingIfNeeded: $0 &* 37) }
    }
  } run: { _, bytes in
    guard let first = bytes.first else { return }
    try Decoders.compare(Array(bytes.dropFirst()), as: decodable[Int(first) % decodable.count])
  }

  private static let decodable = ElementType.allCases.filter(Decoding.canDecode)
  private static let nanoGPT = References.file("Tests/InferenceTests/Golden/nanogpt/rope")

  /// A whole model in a small GGUF file.
  private static func smallGGUF(_ workplace: Workplace) throws -> String {
    let output = workplace.path("seed.gguf")
    try? FileManager.default.removeItem(atPath: output)
    _ = try ConversionPlan(
      Model(opening: nanoGPT).plan, ConversionRequest(sites: .all, output: output)
    ).write(version: "fuzz")
    return output
  }

  /// Everything that is read of a file before its weights are, and all of those.
  private static func open(_ path: String) throws {
    let checkpoint = try Checkpoint.open(path)
    for tensor in checkpoint.tensors.values {
      tensor.withBytes { bytes in _ = bytes.reduce(into: UInt8(0)) { $0 ^= $1 } }
    }
    _ = try Model(opening: path)
  }
}
