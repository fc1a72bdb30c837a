import Foundation
import Models
import Tensors
import TestSupport
import Testing
import Vocabulary

/// formats/README.md says of every key what the reader reads, and of nothing else.
@Suite struct DocumentationTests {
  /// The first two columns of the tables below each heading.
  private static func tables() throws -> [String: [(name: String, type: String)]] {
    let text = try String(contentsOfFile: References.file("formats/README.md"), encoding: .utf8)
    var tables: [String: [(String, String)]] = [:]
    var heading = ""
    for line in text.split(separator: "\n") {
      if line.hasPrefix("#") {
        heading = line.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces)
      }
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard line.hasPrefix("| `"), cells.count > 1 else { continue }
      tables[heading, default: []].append((cells[0].trimmingCharacters(in: ["`"]), cells[1]))
    }
    return tables
  }

  private static let documented: [(heading: String, keys: [String])] = [
    ("Top level", DataFileTests.keys(Architecture.Key.self)),
    ("`block`", DataFileTests.keys(BlockRecipe.Key.self)),
    ("`block`, `experts`", DataFileTests.keys(RouterRecipe.Score.self)),
    ("A way of scoring", DataFileTests.keys(ExpertsBlock.Router.Key.self)),
    ("`gate_clamp`", DataFileTests.keys(FeedForwardRecipe.GateClamp.Key.self)),
    ("`compression`", DataFileTests.keys(CompressionBlock.Key.self)),
    ("`decay`", DataFileTests.keys(DecayBlock.Key.self)),
    ("`pair_layout`", DataFileTests.keys(Architecture.PairLayoutKey.self)),
    (
      "`hyperparameters`",
      DataFileTests.keys(HyperparameterKeys.Key.self) + DataFileTests.keys(Hyperparameter.self)
    ),
    ("`copied`", DataFileTests.keys(CopiedKey.Key.self)),
    ("`weights`", DataFileTests.keys(WeightNames.Key.self)),
    ("`weights`, a tensor as an object", DataFileTests.keys(WeightName.Key.self)),
    ("`value_head_order`", DataFileTests.keys(Architecture.Side.self)),
    ("`seventy_billion`", DataFileTests.keys(Architecture.SeventyBillion.Key.self)),
    ("A kind of wrapper", DataFileTests.keys(ModelWrapper.Key.self)),
    ("An entry of `modules`", DataFileTests.keys(PublishedModule.Key.self)),
    ("What is not computed", DataFileTests.keys(UnsupportedStatement.Key.self)),
    ("An entry of `pre_tokenizers`", DataFileTests.keys(NamedPreTokenizer.Key.self)),
    ("A spelling", DataFileTests.keys(HuggingFacePreTokenizers.Spelling.Key.self)),
    ("Published tokenizers", DataFileTests.keys(PublishedTokenizers.Key.self)),
    ("Python code", DataFileTests.keys(ModelingCode.Key.self)),
    ("An entry of `classes`", DataFileTests.keys(ModelingCode.ClassKey.self)),
  ]

  @Test func everyKeyIsDocumentedAndEveryDocumentedKeyIsRead() throws {
    let tables = try Self.tables()
    for (heading, keys) in Self.documented {
      let found = try #require(tables[heading], "\(heading)").map(\.name)
      #expect(found.sorted() == keys.sorted(), "\(heading)")
    }
    let known = Set(Self.documented.map(\.heading))
    for heading in tables.keys where heading != "What files look like, as data" {
      #expect(known.contains(heading), "\(heading)")
    }
  }

  /// The values of keys with a choice, in the order of their declaration.
  @Test func everyChoiceIsDocumented() throws {
    let tables = try Self.tables()
    func check(_ heading: String, _ key: String, _ values: [String]) throws {
      let row = try #require(tables[heading]?.first { $0.name == key }, "\(key)")
      let listed = row.type.split(separator: ",").map {
        $0.trimmingCharacters(in: CharacterSet(charactersIn: " `"))
      }
      #expect(listed == values, "\(key)")
    }
    let block = "`block`"
    try check(block, "norm", DataFileTests.keys(NormRecipe.Kind.self))
    try check(block, "norm_placement", DataFileTests.keys(LayerRecipe.NormPlacement.self))
    try check(block, "residual", DataFileTests.keys(BlockRecipe.Residual.self))
    try check(block, "attention", DataFileTests.keys(BlockRecipe.AttentionKind.self))
    try check(block, "query_key_norm", DataFileTests.keys(AttentionRecipe.HeadNorm.self))
    try check(block, "positions", DataFileTests.keys(ModelShape.Positions.self))
    try check(block, "rotation", DataFileTests.keys(BlockRecipe.Rotation.self))
    try check(block, "yarn_multiplier", DataFileTests.keys(BlockRecipe.YarnMultiplier.self))
    try check(block, "feed_forward", DataFileTests.keys(FeedForwardRecipe.Form.self))
    try check(block, "activation", DataFileTests.keys(Activation.self))
    try check(block, "embedding_scale", DataFileTests.keys(BlockRecipe.EmbeddingScale.self))
    try check("A way of scoring", "group_score", DataFileTests.keys(RouterRecipe.GroupScore.self))
    for side in DataFileTests.keys(Architecture.Side.self) {
      try check("`pair_layout`", side, DataFileTests.keys(PairLayout.self))
    }
    try check("`copied`", "type", DataFileTests.keys(CopiedKey.Kind.self))
    let tensor = "`weights`, a tensor as an object"
    try check(tensor, "form", DataFileTests.keys(WeightName.Form.self))
    try check(tensor, "part", DataFileTests.keys(WeightName.Part.self))
    for parameter in Hyperparameter.allCases {
      try check("`hyperparameters`", parameter.rawValue, [parameter.kind.rawValue])
    }
  }

  @Test func everyRoleIsDocumented() throws {
    let text = try String(contentsOfFile: References.file("formats/README.md"), encoding: .utf8)
    for role in Role.allCases {
      #expect(text.contains("`\(role.rawValue)`"), "\(role.rawValue)")
    }
  }
}
