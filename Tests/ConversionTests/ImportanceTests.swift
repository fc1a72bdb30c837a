import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Models
import OrderedCollections
import Rotary
import Tensors
import TestSupport
import Testing

/// Importance matrices: written and read back, measured, and what conversions make of them
/// (Tests/Checks/quantize compares with llama-quantize and llama-imatrix).
@Suite struct ImportanceTests {
  private let lantern = References.file("fixtures/lantern.gguf")
  private let tokens = (0..<700).map { Int32($0 * 37 % 768) }

  private func measure(threads: Int = 1) throws -> ImportanceMatrix {
    try ImportanceMeasurement(windows: WindowPlan(context: 64, limit: 9), threads: threads)
      .run(Model(opening: lantern), on: TokenizedText(name: "ids", tokens: tokens))
  }

  private func withFolder(_ body: (String) throws -> Void) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try body(work)
  }

  @Test func filesReadBackAsTheyWereWritten() throws {
    try withFolder { work in
      let matrix = ImportanceMatrix(
        entries: [
          "blk.0.a.weight": .init(sums: [1, 2, 3.5], counts: [7]),
          "blk.0.b.weight": .init(sums: [4, 0, 6, 1], counts: [2, 0]),
        ], texts: ["a.txt"], chunks: 3, chunkLength: 512)
      try matrix.write(to: "\(work)/m.gguf", force: false, inputs: [])
      let read = try ImportanceMatrix(reading: "\(work)/m.gguf")
      #expect(read.entries == matrix.entries)
      #expect(read.texts == ["a.txt"] && read.chunks == 3 && read.chunkLength == 512)
      #expect(read.entries["blk.0.a.weight"]?.means == [1.0 / 7, 2.0 / 7, 0.5])
      // A matrix that no row went to counts all its columns alike.
      #expect(read.entries["blk.0.b.weight"]?.means == [2, 0, 1, 1])
    }
  }

  @Test func refusesWhatIsNoMatrix() throws {
    try withFolder { work in
      func fault(_ path: String) -> ImportanceFault? {
        do {
          _ = try ImportanceMatrix(reading: path)
          return nil
        } catch { return (error as FileError).fault as? ImportanceFault }
      }
      #expect(fault(lantern) == .notImportance)
      // As older files begin: the number of entries, the length of a name.
      let old = "\(work)/old.dat"
      try Data([2, 0, 0, 0, 21, 0, 0, 0]).write(to: URL(fileURLWithPath: old))
      #expect(fault(old) == .notGGUF)
      func write(_ sums: [Float], _ counts: [Float]?, type: ElementType = .f32) throws -> String {
        let path = "\(work)/bad.gguf"
        func tensor(_ name: String, _ values: [Float]) throws -> OutputTensor {
          let bytes = try values.withUnsafeBufferPointer { try Encoding.encode($0, as: type) }
          return OutputTensor(
            name: name, type: type, shape: [1, values.count], contents: .computed { bytes })
        }
        try GGUFWriter.write(
          to: path,
          metadata: [
            "general.type": .string("imatrix"), "imatrix.datasets": .array(.strings(["a"])),
            "imatrix.chunk_count": .uint32(1), "imatrix.chunk_size": .uint32(1),
          ],
          tensors: [tensor("x.weight.in_sum2", sums)]
            + (counts.map { [try tensor("x.weight.counts", $0)] } ?? []),
          force: true, inputs: [])
        return path
      }
      #expect(try fault(write([1, 2], nil)) == .unpaired)
      #expect(try fault(write([1, 2, 3], [1, 1])) == .shape(sums: [1, 3], counts: [1, 2]))
      #expect(try fault(write([1, 2], [1], type: .f16)) == .shape(sums: [1, 2], counts: [1, 1]))
      #expect(try fault(write([1, .nan], [1])) == .values)
      #expect(try fault(write([1, -1], [1])) == .values)
      #expect(try fault(write([1, 2], [.infinity])) == .values)
      #expect(try fault(write([1, 2], [1])) == nil)
    }
  }

  /// The first norm's outputs, worked out in double precision, are the inputs of the first queries.
  @Test func sumsAreThoseOfTheInputs() throws {
    let matrix = try measure()
    #expect(matrix.chunks == 9 && matrix.chunkLength == 64 && matrix.entries.count == 21)
    let model = try Model(opening: lantern)
    let (plan, layer) = (model.plan, model.plan.layers[0])
    let embedding = try #require(try plan.globals[.embedding]?.decoded())
    let gain = try #require(try layer[.attentionNormGain]?.decoded())
    let width = plan.shape.width
    let text = TokenizedText(name: "ids", tokens: tokens)
    let windows = try WindowPlan(context: 64, limit: 9).windows(of: text)
    var sums = [Double](repeating: 0, count: width)
    for token in text.sequences(windows).joined() {
      let row = embedding[(Int(token) * width)..<((Int(token) + 1) * width)].map(Double.init)
      let mean = row.reduce(0) { $0 + $1 * $1 } / Double(width)
      let scale = 1 / (mean + layer.recipe.norm.epsilon).squareRoot()
      for (column, value) in row.enumerated() {
        sums[column] += pow(value * scale * Double(gain[column]), 2)
      }
    }
    for name in ["attn_q", "attn_k", "attn_v"] {
      let entry = try #require(matrix.entries["blk.0.\(name).weight"])
      #expect(entry.counts == [9 * 64])
      for (found, expected) in zip(entry.sums, sums) {
        #expect(abs(Double(found) / expected - 1) < 1e-5)
      }
    }
  }

  @Test func sumsDoNotDependOnThreads() throws {
    let one = try measure()
    for threads in [2, 3] { #expect(try measure(threads: threads).entries == one.entries) }
  }

  @Test func rulesKnowOfAMatrix() throws {
    try withFolder { work in
      let path = "\(work)/m.gguf"
      try measure().write(to: path, force: false, inputs: [])
      func plan(_ type: String, with matrix: ImportanceMatrix?) throws -> ConversionPlan {
        var request = ConversionRequest(
          sites: .scores, output: "\(work)/\(type).gguf", type: try OutputTypes(parsing: type))
        request.importance = matrix
        return try ConversionPlan(Model(opening: lantern).plan, request)
      }
      let matrix = try ImportanceMatrix(reading: path)
      let with = try plan("q4_0", with: matrix)
      let without = try plan("q4_0", with: nil)
      #expect(with.warnings == without.warnings)
      _ = try with.write(version: "test")
      let stored = try Checkpoint.open("\(work)/q4_0.gguf")
      #expect(stored.metadata["quantize.imatrix.file"] == .string("m.gguf"))
      #expect(stored.metadata["quantize.imatrix.entries_count"] == .uint32(21))
      #expect(stored.metadata["quantize.imatrix.chunks_count"] == .uint32(9))
      let name = "blk.1.ffn_up.weight"
      let weighted = try #require(stored.tensors[name]).withBytes { Array($0) }
      try FileManager.default.removeItem(atPath: "\(work)/q4_0.gguf")
      _ = try without.write(version: "test")
      let plain = try #require(try Checkpoint.open("\(work)/q4_0.gguf").tensors[name])
      #expect(weighted != plain.withBytes { Array($0) })
      // Nothing of one tensor, and too few columns of another.
      var entries = matrix.entries
      entries["blk.1.ffn_up.weight"] = nil
      let lacking = ImportanceMatrix(
        entries: entries, texts: [], chunks: 1, chunkLength: 64)
      #expect(
        try plan("q4_0", with: lacking).warnings
          == without.warnings + [.withoutImportance(tensors: 1)])
      entries["blk.1.ffn_up.weight"] = .init(sums: [1, 2], counts: [1])
      let narrow = ImportanceMatrix(entries: entries, texts: [], chunks: 1, chunkLength: 64)
      #expect(throws: FileError.self) { try plan("q4_0", with: narrow) }
      #expect(throws: ConversionError.self) { try plan("f16", with: matrix) }
    }
  }
}
