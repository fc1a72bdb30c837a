import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import Inference
import Models
import Tensors
import TestSupport
import Testing

/// A NaN in a model is an error that names the model, and no sameness.
@Suite struct NotFiniteTests {
  private let ids = (0..<48).map { Int32(($0 * 31 + 7) % 768) }

  /// The fixture with a NaN in the embedding of one token, or in all of a layer's value rows.
  private func broken(_ path: String, tensor: String, _ rows: Range<Int>) throws -> Model {
    let source = try Checkpoint.open(References.file("fixtures/lantern.gguf"))
    try GGUFWriter.write(
      to: path, metadata: source.metadata,
      tensors: source.tensors.values.map { entry in
        guard entry.name == tensor else {
          return OutputTensor(
            name: entry.name, type: entry.type, shape: entry.shape, contents: .copy(entry))
        }
        var values = try entry.decoded()
        let width = entry.shape[1]
        for row in rows { values[row * width] = .nan }
        let bytes = values.flatMap { value in
          withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
        }
        return OutputTensor(
          name: entry.name, type: .f32, shape: entry.shape,
          contents: .computed { bytes })
      }, force: true, inputs: [])
    return try Model(opening: path)
  }

  private func expectNaN(in model: Model, _ body: () throws -> Void) {
    let error = #expect(throws: ModelError.self, performing: body)
    #expect(error?.file == model.checkpoint.path)
    #expect(error?.summary.hasSuffix("is not finite") == true)
    #expect(error?.exitStatus == .malformedData)
  }

  /// The token stands in the middle: finite positions before it must not hide what follows, and with
  /// one chunk after another neither must those after it.
  @Test func comparisonsNameTheModelThatHasIt() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let whole = try Model(opening: References.file("fixtures/lantern.gguf"))
    let row = Int(ids[20])
    for tensor in ["token_embd.weight", "output.weight"] {
      let model = try broken("\(work)/nan.gguf", tensor: tensor, row..<(row + 1))
      let text = TokenizedText(name: "ids", tokens: ids)
      for (one, other) in [(model, model), (whole, model), (model, whole)] {
        expectNaN(in: model) {
          _ = try LogitComparison(windows: WindowPlan(context: 16, scored: .all))
            .run(one, other, on: text)
        }
        expectNaN(in: model) {
          _ = try ModelComparison(windows: WindowPlan(context: 16, scored: .all))
            .run(one, other, on: text)
        }
      }
    }
  }

  @Test func analyzeNamesTheLayer() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let rows = try #require(
      try Checkpoint.open(References.file("fixtures/lantern.gguf"))
        .tensors["blk.1.attn_v.weight"]?.shape[0])
    let model = try broken("\(work)/nan.gguf", tensor: "blk.1.attn_v.weight", 0..<rows)
    expectNaN(in: model) {
      _ = try AttentionAnalysis(windows: WindowPlan(context: 16))
        .run(model, on: TokenizedText(name: "ids", tokens: ids))
    }
    let error = #expect(throws: ModelError.self) {
      try AttentionAnalysis(windows: WindowPlan(context: 16))
        .run(model, on: TokenizedText(name: "ids", tokens: ids))
    }
    #expect(error?.summary == "the attention of layer 1 is not finite")
  }

  /// A NaN that only the windows held out meet: a fit is an error, never one that counts as better.
  @Test func fitsNameTheModel() throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    var tokens = (0..<2048).map { Int32(($0 * 31 + 7) % 768) }
    let token = try #require(tokens.last)
    for index in tokens.indices.dropLast() where tokens[index] == token { tokens[index] = 0 }
    for tensor in ["token_embd.weight", "output.weight"] {
      let model = try broken("\(work)/nan.gguf", tensor: tensor, Int(token)..<Int(token) + 1)
      let request = ConversionRequest(sites: .all, output: "\(work)/x.gguf")
      let fit = Fit(
        model.plan, to: try ConversionPlan(model.plan, request).fitTarget,
        settings: FitSettings(tokens: 2048, context: 64))
      do {
        _ = try fit.run([TokenizedText(name: "ids", tokens: tokens)])
        Issue.record("\(tensor): a fit with NaN")
      } catch let error as any Diagnostic {
        #expect(error.file == model.checkpoint.path && error.exitStatus == .malformedData)
        #expect(error.summary.contains("not finite"), "\(error.summary)")
      }
    }
  }
}
