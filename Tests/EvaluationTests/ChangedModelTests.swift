import Base
import Checkpoints
import Conversion
import Evaluation
import Foundation
import TestSupport
import Testing

/// A model that is written to, cut short or replaced while it is read gives no result.
@Suite struct ChangedModelTests {
  enum Change: CaseIterable {
    case overwritten, longer, replaced

    func make(_ path: String) throws {
      let url = URL(fileURLWithPath: path)
      switch self {
      case .overwritten:
        // In place, with the size that it had: the time alone tells.
        let file = try FileHandle(forUpdating: url)
        try file.seek(toOffset: UInt64(try Data(contentsOf: url).count - 8))
        try file.write(contentsOf: Data([1, 2, 3, 4]))
        try file.close()
      case .longer:
        let file = try FileHandle(forWritingTo: url)
        try file.seekToEnd()
        try file.write(contentsOf: Data([0]))
        try file.close()
      case .replaced: try Data(contentsOf: url).write(to: url, options: .atomic)
      }
    }
  }

  /// A copy of the embedded model, as a GGUF file or as a folder, opened; `changed` is the file to change.
  private func withModel(
    asFolder: Bool, _ body: (_ model: Model, _ changed: String, _ work: String) throws -> Void
  ) throws {
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    let lantern = References.file("fixtures/lantern.gguf")
    guard asFolder else {
      let path = "\(work)/model.gguf"
      try FileManager.default.copyItem(atPath: lantern, toPath: path)
      // Times of files tick no finer than some milliseconds.
      usleep(20_000)
      return try body(Model(opening: path), path, work)
    }
    _ = try ConversionRun(
      Model(opening: lantern), ConversionRequest(sites: nil, output: "\(work)/model/")
    ).run()
    usleep(20_000)
    try body(Model(opening: "\(work)/model"), "\(work)/model/config.json", work)
  }

  private func expectRefused(_ path: String, _ body: () throws -> Void) {
    let error = #expect(throws: FileError.self) { try body() }
    #expect(error?.fault as? InputFault == .changedWhileRead)
    #expect(error?.file == path && error?.exitStatus == .inputOutput)
  }

  @Test(arguments: Change.allCases, [false, true])
  func conversionsAreRefused(_ change: Change, asFolder: Bool) throws {
    for output in ["out.gguf", "out.safetensors", "out/", "out.tar", "out.zip"] {
      try withModel(asFolder: asFolder) { model, changed, work in
        let before = try FileManager.default.contentsOfDirectory(atPath: work).sorted()
        let run = try ConversionRun(
          model, ConversionRequest(sites: .all, output: "\(work)/\(output)"))
        try change.make(changed)
        expectRefused(changed) { _ = try run.run() }
        #expect(try FileManager.default.contentsOfDirectory(atPath: work).sorted() == before)
      }
    }
  }

  @Test(arguments: Change.allCases, [false, true])
  func evaluationsAreRefused(_ change: Change, asFolder: Bool) throws {
    try withModel(asFolder: asFolder) { model, changed, work in
      let text = try TokenizedText(
        .tokens(path: References.file("fixtures/lantern.ids.json")), for: model)
      let state = "\(work)/state"
      let evaluation = PerplexityEvaluation(
        windows: WindowPlan(context: 32, limit: 2),
        options: RunOptions(state: try StateFile(state)))
      try change.make(changed)
      expectRefused(changed) { _ = try evaluation.run(model, on: text) }
      // Nothing that was computed from it is kept.
      #expect(try Data(contentsOf: URL(fileURLWithPath: state)).isEmpty)
      expectRefused(changed) {
        _ = try PerplexityEvaluation(windows: WindowPlan(context: 32, limit: 2)).run(
          model, on: text)
      }
    }
  }

  /// What is gone from its path was read as it was.
  @Test func aModelMayBeRemoved() throws {
    try withModel(asFolder: false) { model, path, work in
      try FileManager.default.removeItem(atPath: path)
      _ = try ConversionRun(model, ConversionRequest(sites: .all, output: "\(work)/out.gguf")).run()
    }
  }
}
