import Base
import Foundation
import Models
import TestSupport
import Testing
import Vocabulary

/// The reader of formats/architectures and of the other data files: what it does not understand is
/// refused by name and place.
@Suite struct DataFileTests {
  /// A file with every key of every level.
  static let whole: JSONValue = [
    "name": "tiny", "model_types": ["tiny": "TinyForCausalLM", "long": "LongForCausalLM"],
    "windowed_model_type": "long", "folder_model_type": "plain", "recognized_by": ["tiny_size"],
    "read_where": ["long": ["n_experts": [0, 1], "kinds": ["far"]]],
    "block": [
      "norm": "rms", "norm_placement": "both", "residual": "parallel", "attention": "shared",
      "query_key_norm": "head", "positions": "rotary", "rotation": "windowed",
      "yarn_multiplier": "all_dims", "yarn_keys": ["beta"], "feed_forward": "gated",
      "activation": "relu_squared", "activation_key": "hidden_act",
      "activation_names": ["relu2"], "embedding_scale": "width_root", "global_every": 3,
      "rotates_partially": true, "stretches_base": true, "width_scaled_layers": [62],
      "rounds_ramp": false, "unit_magnitude": true, "sites": "qkvo",
      "compression": ["sparse_rate": 4, "heavy_rate": 128],
      "gate_clamp": ["slope": 2, "limit": 6],
      "experts": [
        "softmax": ["normalizes": true], "softmax_of_chosen": [:],
        "sigmoid": [
          "models": "long", "group_score": "best_two", "normalizes": true, "corrected": true,
          "grouped": ["method": "groups"], "ungrouped": ["method": "greedy"],
        ],
      ],
    ],
    "pair_layout": ["gguf": "half", "gguf_with": ["sections": "half"], "huggingface": "half"],
    "hyperparameters": [
      "layers": [
        "gguf": ["block_count"], "huggingface": ["num_layers", "n_layer"], "default": 2,
        "always": true,
      ]
    ],
    "required": ["bias": [false]], "unread": ["long": ["window"]],
    "assumed": ["tiny": ["scale": 2.5]],
    "copied": [
      "expert_count": ["huggingface": "n_experts", "type": "sections", "default": [1, 2, 3]]
    ],
    "weights": [
      "embedding": ["gguf": "token_embd.weight", "huggingface": "wte", "optional": true],
      "output": ["gguf": ["output.weight", ["tensor": "fused", "part": "up"]]],
      "output_norm.gain": [
        "gguf": ["tensor": "norm.weight", "form": "gain_minus_one", "part": "query"]
      ],
    ],
    "ignored": ["*.inv_freq"], "seventy_billion": ["layers": 80, "grouped": true],
    "eight_bit_output": true,
  ]

  static func keys<Key: CaseIterable & RawRepresentable<String>>(_ type: Key.Type) -> [String] {
    type.allCases.map(\.rawValue)
  }

  /// The objects of the file, and the keys that each may have.
  static let levels: [(path: [String], keys: [String])] = [
    ([], keys(Architecture.Key.self)), (["block"], keys(BlockRecipe.Key.self)),
    (["block", "experts"], keys(RouterRecipe.Score.self)),
    (["block", "experts", "sigmoid"], keys(ExpertsBlock.Router.Key.self)),
    (["block", "compression"], keys(CompressionBlock.Key.self)),
    (["block", "gate_clamp"], keys(FeedForwardRecipe.GateClamp.Key.self)),
    (["pair_layout"], keys(Architecture.PairLayoutKey.self)),
    (["hyperparameters", "layers"], keys(HyperparameterKeys.Key.self)),
    (["copied", "expert_count"], keys(CopiedKey.Key.self)),
    (["weights", "embedding"], keys(WeightNames.Key.self)),
    (["weights", "output_norm.gain", "gguf"], keys(WeightName.Key.self)),
    (["seventy_billion"], keys(Architecture.SeventyBillion.Key.self)),
  ]

  /// The file with another value at a path; nil removes it.
  static func changed(
    _ path: some Collection<String>, of json: JSONValue = whole, to value: JSONValue?
  ) throws -> JSONValue {
    guard let first = path.first else { return try #require(value) }
    var members = try #require(json.object)
    members[first] =
      path.count == 1
      ? value : try changed(path.dropFirst(), of: #require(members[first]), to: value)
    return .object(members)
  }

  private func read(_ json: JSONValue) throws(FormatError) -> Architecture {
    try Architecture(json, name: "tiny", file: "tiny.json")
  }

  /// The place and problem of the refusal.
  private func refusal(_ json: JSONValue, _ comment: Comment) -> (place: String, problem: String)? {
    let error = #expect(throws: FormatError.self, comment) { try read(json) }
    guard case .invalid("tiny.json", let place, let problem)? = error else { return nil }
    return (place, problem)
  }

  @Test func everyKeyOfAFileIsTaken() throws {
    let tiny = try read(Self.whole)
    #expect(tiny.modelTypes == ["tiny", "long"] && tiny.windowedModelType == "long")
    #expect(tiny.folderModelType == "plain" && tiny.origin == nil)
    #expect(tiny.classNames["long"] == "LongForCausalLM" && tiny.recognizedBy == ["tiny_size"])
    #expect(tiny.pairLayouts == [.gguf: .half, .huggingface: .half])
    #expect(tiny.otherPairLayouts == ["sections": .half] && tiny.block.yarnKeys == ["beta"])
    let block = tiny.block
    #expect(block.norm == .rms && block.normPlacement == .both && block.residual == .parallel)
    #expect(block.attention == .shared && block.queryKeyNorm == .head)
    #expect(block.positions == .rotary && block.feedForward == .gated)
    #expect(block.rotation == .windowed && block.yarnMultiplier == .allDims)
    #expect(block.activation == .reluSquared && block.activationKey == "hidden_act")
    #expect(block.activationNames == ["relu2"] && block.embeddingScale == .widthRoot)
    #expect(block.globalEvery == 3 && block.rotatesPartially && block.widthScaledLayers == [62])
    let routers = try #require(block.experts).routers
    #expect(routers.keys == [.softmax, .softmaxOfChosen, .sigmoid])
    #expect(routers[.softmax]?.normalizes == true && routers[.softmax]?.groupScore == .best)
    let sigmoid = try #require(routers[.sigmoid])
    #expect(sigmoid.modelType == "long" && sigmoid.groupScore == .bestTwo && sigmoid.isCorrected)
    #expect(sigmoid.grouped == ["method": "groups"] && sigmoid.ungrouped == ["method": "greedy"])
    #expect(block.gateClamp == FeedForwardRecipe.GateClamp(slope: 2, limit: 6))
    #expect(!block.roundsRamp && block.unitMagnitude && block.sites == .all)
    #expect(block.compression == CompressionBlock(sparseRate: 4, heavyRate: 128))
    #expect(block.stretchesBase)
    let layers = try #require(tiny.hyperparameters[.layers])
    #expect(layers.names == [.gguf: ["block_count"], .huggingface: ["num_layers", "n_layer"]])
    #expect(layers.fallback == 2 && layers.isAlwaysWritten)
    #expect(tiny.required == ["bias": [false]] && tiny.ignored == ["*.inv_freq"])
    #expect(tiny.readWhere == ["long": ["n_experts": [0, 1], "kinds": ["far"]]])
    #expect(tiny.unread == ["long": ["window"]] && tiny.assumed == ["tiny": ["scale": 2.5]])
    #expect(tiny.copied["expert_count"]?.huggingface == "n_experts")
    #expect(tiny.copied["expert_count"]?.type == .sections)
    #expect(tiny.copied["expert_count"]?.fallback == [1, 2, 3])
    #expect(tiny.weights[.embedding]?.optional == true)
    #expect(tiny.weights[.embedding]?.names[.huggingface]?.tensor == "wte")
    let norm = try #require(tiny.weights[.outputNormGain]?.names[.gguf])
    let output = try #require(tiny.weights[.output])
    #expect(output.alternatives(on: .gguf).map(\.tensor) == ["output.weight", "fused"])
    #expect(output.name(on: .gguf, alternative: 1)?.part == .up)
    #expect(output.name(on: .gguf, alternative: 2)?.tensor == "output.weight")
    #expect(output.name(on: .huggingface, alternative: 0) == nil)
    #expect(norm.tensor == "norm.weight" && norm.form == .gainMinusOne && norm.part == .query)
    #expect(tiny.seventyBillion?.layers == 80 && tiny.seventyBillion?.grouped == true)
  }

  @Test func unknownKeysAreRefusedAtEveryLevel() throws {
    for (path, keys) in Self.levels {
      let found = refusal(
        try Self.changed(path + ["surprise"], to: 1), "\(path.joined(separator: "."))")
      #expect(found?.place == path.joined(separator: "."))
      #expect(found?.problem.contains("unknown key 'surprise'") == true)
      for key in keys { #expect(found?.problem.contains(key) == true) }
    }
    for (path, what) in [(["hyperparameters"], "hyper-parameter"), (["weights"], "role")] {
      let found = refusal(try Self.changed(path + ["surprise"], to: [:]), "\(path)")
      #expect(found?.place == path[0])
      #expect(found?.problem == "unknown \(what) 'surprise'")
    }
  }

  /// A list of a list is not a value of any key: a key that takes it is not read.
  @Test func wrongTypesAreRefusedAtEveryKey() throws {
    for (path, keys) in Self.levels {
      for key in keys {
        let place = (path + [key]).joined(separator: ".")
        // Every number but a negative one would do for a clamp.
        let number = path.last == "gate_clamp" ? -0.5 : 0.5
        for wrong in [[[]], .null, .number(number)] as [JSONValue] {
          let found = refusal(try Self.changed(path + [key], to: wrong), "\(place)")
          #expect(found?.place.hasPrefix(place) == true, "\(String(describing: found))")
        }
      }
    }
    for name in ["required", "copied", "weights", "hyperparameters"] {
      let first = try #require(Self.whole[name]?.object?.keys.first)
      let found = refusal(try Self.changed([name, first], to: "text"), "\(name)")
      #expect(found?.place == "\(name).\(first)")
    }
    #expect(refusal(try Self.changed(["model_types", "tiny"], to: 1), "a class") != nil)
  }

  @Test func unknownNamesAreRefused() throws {
    let choices = Self.levels.filter { $0.path == ["block"] || $0.path == ["pair_layout"] }
    for (path, keys) in choices {
      for key in keys where Self.whole[path[0]]?[key]?.string != nil && key != "activation_key" {
        let found = refusal(try Self.changed(path + [key], to: "surprise"), "\(key)")
        #expect(found?.place == "\(path[0]).\(key)")
        #expect(found?.problem.contains("unknown value 'surprise'") == true)
      }
    }
    for key in ["form", "part"] {
      let path = ["weights", "output_norm.gain", "gguf", key]
      #expect(refusal(try Self.changed(path, to: "surprise"), "\(key)") != nil)
    }
    #expect(refusal(try Self.changed(["name"], to: "other"), "name")?.place == "name")
    let conditions: [JSONValue] = [
      ["other": ["size": [1]]], ["long": [:]], ["long": ["size": []]], ["long": ["size": 1]],
    ]
    for wrong in conditions {
      let found = refusal(try Self.changed(["read_where"], to: wrong), "\(wrong)")
      #expect(found?.place == "read_where")
    }
    let windowed = refusal(try Self.changed(["windowed_model_type"], to: "other"), "windowed")
    #expect(windowed?.place == "windowed_model_type")
  }

  @Test(arguments: [
    ["name"], ["model_types"], ["block"], ["pair_layout"], ["hyperparameters"], ["weights"],
    ["block", "norm"], ["block", "activation"], ["block", "activation_key"],
    ["block", "activation_names"], ["pair_layout", "gguf"],
    ["copied", "expert_count", "huggingface"],
    ["weights", "output_norm.gain", "gguf", "tensor"], ["seventy_billion", "layers"],
  ])
  func whatIsRequiredMustBeThere(path: [String]) throws {
    let found = refusal(try Self.changed(path, to: nil), "\(path)")
    #expect(found?.place == path.joined(separator: "."))
  }

  @Test func everyShippedFileIsRead() throws {
    let names = try Architecture.names()
    #expect(names.count >= 11)
    for name in names {
      let architecture = try Architecture(named: name)
      // What only one container can say is not a fact of a model that both hold.
      for parameter in [Hyperparameter.layers, .context, .width, .heads] {
        for side in Architecture.Side.allCases {
          #expect(architecture.key(of: parameter, on: side) != nil, "\(name) \(parameter)")
        }
      }
      let known = KnownKeys(architecture: architecture)
      for keys in architecture.hyperparameters.values {
        for key in keys.names[.gguf] ?? [] where !key.hasPrefix(OwnKeys.prefix) {
          #expect(known.reads(metadata: "\(name).\(key)", prefix: name), "\(name) \(key)")
        }
        for key in keys.names[.huggingface] ?? [] {
          #expect(known.reads(configuration: key), "\(name) \(key)")
        }
      }
      #expect(!known.reads(metadata: "\(name).surprise", prefix: name))
      #expect(!known.reads(configuration: "surprise"))
    }
    #expect(try ModelingCode.forModelType("llama")?.files.count == 3)
  }

  /// Model types and the keys that tell a family without one are of one file each.
  @Test func noTwoFilesClaimTheSameModel() throws {
    let all = try Architecture.names().map { try Architecture(named: $0) }
    let types = all.flatMap { file in
      file.modelTypes.map { type in
        ([type] + file.toldBy).joined(separator: " ") + "\(file.readWhere[type] ?? [:])"
      }
    }
    #expect(Set(types).count == types.count)
    let keys = all.map(\.recognizedBy).filter { !$0.isEmpty }
    #expect(Set(keys).count == keys.count)
  }

  // MARK: - Tokenizers and modeling code

  private static let preTokenizer: JSONValue = [
    "names": ["a"], "patterns": ["b"], "ignore_merges": true, "whole_line_feeds": true,
    "add_bos": true, "add_eos": true, "escape_spaces": true, "byte_level": false,
  ]
  private static let spelling: JSONValue = ["name": "a", "patterns": ["b"]]

  private static let wrapper: JSONValue = [
    "model_types": ["talking_picture"], "text": "text_config", "text_type": "llama",
    "carried": ["tie_word_embeddings"], "defaults": ["llama": ["hidden_size": 8]],
    "prefixes": ["language_model.": ""], "others": ["the picture": ["picture."]],
  ]

  /// Every key of one entry: a wrong type, an unknown key.
  private func check(
    _ entry: JSONValue, keys: [String], place: String, _ read: (JSONValue) throws -> Void
  ) throws {
    #expect(Set(try #require(entry.object).keys) == Set(keys))
    try read(entry)
    for key in keys {
      let error = #expect(throws: FormatError.self, "\(key)") {
        try read(Self.changed([key], of: entry, to: [[]]))
      }
      #expect(error?.place == "\(place).\(key)")
    }
    let error = #expect(throws: FormatError.self) {
      try read(Self.changed(["surprise"], of: entry, to: 1))
    }
    #expect(error?.place == place && error?.summary.contains("'surprise'") == true)
  }

  @Test func theOtherFilesAreReadAsStrictly() throws {
    try check(
      Self.preTokenizer, keys: Self.keys(NamedPreTokenizer.Key.self), place: "pre_tokenizers[0]"
    ) { entry in
      let read = try NamedPreTokenizer.read(["pre_tokenizers": [entry]])
      #expect(read.map(\.names) == [["a"]])
    }
    try check(
      Self.spelling, keys: Self.keys(HuggingFacePreTokenizers.Spelling.Key.self),
      place: "pre_tokenizers[0]"
    ) { entry in
      let read = try HuggingFacePreTokenizers.read(["pre_tokenizers": [entry]])
      #expect(read.map(\.name) == ["a"])
    }
    try check(
      ["configuration": "A", "model": "B"], keys: Self.keys(ModelingCode.ClassKey.self),
      place: "classes.tiny"
    ) {
      let code = try ModelingCode.read(["files": ["a.py", "b.py"], "classes": ["tiny": $0]])
      #expect(code["tiny"]?.modelClass == "B")
    }
    #expect(throws: FormatError.self) {
      try ModelingCode.read(["files": ["a.py"], "classes": [:]])
    }
    for (key, json) in [
      ("names", ["text": "a", "names": ["b": ["c", 1]]]), ("text", ["text": 1]), ("text", [:]),
    ] as [(String, JSONValue)] {
      let error = #expect(throws: FormatError.self) { try PublishedTokenizers.read(json) }
      #expect(error?.place == key)
    }
    try check(
      Self.wrapper, keys: Self.keys(ModelWrapper.Key.self), place: "wrappers[0]"
    ) { entry in
      let read = try ModelWrapper.all(["wrappers": [entry]])
      #expect(read.map(\.modelTypes) == [["talking_picture"]])
    }
    try check(
      [
        "model_types": ["tiny"], "key": "k", "value": 1, "layers": ["m": "w"], "offset": "o",
        "words": "w",
      ], keys: Self.keys(UnsupportedStatement.Key.self), place: "gguf[0]"
    ) { entry in
      _ = try UnsupportedFamily(["huggingface": [], "gguf": [entry]])
    }
    #expect(throws: FormatError.self) { try ModelWrapper.all(["wrappers": 1]) }
    #expect(throws: FormatError.self) { try UnsupportedFamily(["gguf": []]) }
    for entry in [["words": "w"], ["key": "k"]] as [JSONValue] {
      #expect(throws: FormatError.self) {
        try UnsupportedFamily(["huggingface": [], "gguf": [entry]])
      }
    }
    for json in [["surprise": []], ["pre_tokenizers": 1], [:]] as [JSONValue] {
      #expect(throws: FormatError.self) { try NamedPreTokenizer.read(json) }
      #expect(throws: FormatError.self) { try HuggingFacePreTokenizers.read(json) }
      #expect(throws: FormatError.self) { try PublishedTokenizers.read(json) }
      #expect(throws: FormatError.self) { try ModelingCode.read(json) }
    }
    let named = try NamedPreTokenizer.read(FormatResources.json("tokenizers/pretokenizers.json"))
    let names = Set(named.flatMap(\.names))
    #expect(names.contains("default"))
    for spelled in try HuggingFacePreTokenizers.read(
      FormatResources.json("tokenizers/huggingface.json"))
    { #expect(names.contains(spelled.name), "\(spelled.name)") }
    let published = try PublishedTokenizers.read(FormatResources.json("tokenizers/published.json"))
    #expect(published.names.count > 80 && names.isSuperset(of: published.names))
  }
}
