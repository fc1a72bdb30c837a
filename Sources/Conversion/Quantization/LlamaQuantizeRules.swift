import Models
import Tensors

// How llama-quantize picks the type of each tensor (llama.cpp, `llama-quant.cpp`).

extension QuantizationMix {
  /// What the rules know of a model besides its tensors.
  struct Model {
    let layers: Int
    let heads: Int
    let keyValueHeads: Int
    /// Experts of a layer; 0: none.
    let experts: Int
    /// Whether llama.cpp takes the model for one of the 70B models, whose value matrices are small.
    let isLabelled70B: Bool
    let hasEightBitOutput: Bool
    /// Whether an importance matrix says how much columns count.
    let hasImportance: Bool

    init(_ plan: ModelPlan, hasImportance: Bool) {
      // llama-quantize asks the first layer, whose numbers are those of all that attend.
      let attention = plan.layers.lazy.compactMap(\.recipe.attention).first
      self.init(
        layers: plan.shape.layers, heads: attention?.heads ?? 0,
        keyValueHeads: attention?.keyValueHeads ?? 0,
        experts: plan.shape.networks.experts?.count ?? 0, label: plan.architecture.seventyBillion,
        hasEightBitOutput: plan.architecture.hasEightBitOutput, hasImportance: hasImportance)
    }

    init(
      layers: Int, heads: Int, keyValueHeads: Int, experts: Int = 0,
      label: Architecture.SeventyBillion?, hasEightBitOutput: Bool = false,
      hasImportance: Bool = false
    ) {
      self.layers = layers
      self.heads = heads
      self.keyValueHeads = keyValueHeads
      self.experts = experts
      self.hasEightBitOutput = hasEightBitOutput
      self.hasImportance = hasImportance
      isLabelled70B =
        label.map { $0.layers == layers && (!$0.grouped || heads != keyValueHeads) } ?? false
    }

    var hasFewValueHeads: Bool { heads / max(keyValueHeads, 1) >= 4 }

    /// Beside eight experts, attention is small: it is kept wider.
    var isMixtureOfEight: Bool { experts == 8 }
  }

  /// A tensor's type in the output.
  struct Choice: Equatable {
    let type: ElementType
    /// The rows are not whole blocks of the type that the rules name.
    let isFallback: Bool
  }

  /// The types of a GGUF file's tensors, from names and row-major shapes of all tensors of the
  /// output; tensors that stay as they are have none.
  func choices(
    for tensors: [(name: String, shape: [Int])], of model: Model, pure: Bool
  ) -> [String: Choice] {
    let isTied = !tensors.contains { $0.name == "output.weight" }
    let kinds = tensors.map { Kind(tensor: $0.name) }
    let valueMatrices = kinds.count { $0 == .value }
    // Values and down projections are counted in the order of layers.
    let order = tensors.indices.sorted {
      Self.layer(of: tensors[$0].name) < Self.layer(of: tensors[$1].name)
    }
    var (values, downs) = (0, 0)
    var result: [String: Choice] = [:]
    for index in order where Self.allows(tensors[index].name, shape: tensors[index].shape) {
      let columns = tensors[index].shape.last ?? 1
      var type = mainType
      if !pure {
        switch kinds[index] {
        case _ where self == .mxfp4_moe:
          if !Self.isStack(tensors[index].shape) { type = .q8_0 }
        case .output:
          type = outputType(columns: columns, model)
        case .embedding:
          if isTied { type = outputType(columns: columns, model) }
        case .value:
          type = valueType(index: values, of: valueMatrices, model)
          values += 1
        case .down:
          // Of a model with experts a layer can have several, and its number counts.
          let layer = Self.layer(of: tensors[index].name)
          type = downType(index: model.experts > 1 ? layer : downs, model)
          downs += 1
        case .key:
          if model.isMixtureOfEight { type = .q8_0 }
        case .attentionOutput:
          type = attentionOutputType(model)
        case .other: break
        }
      }
      let stored = Self.fitting(type, columns: columns)
      result[tensors[index].name] = Choice(type: stored, isFallback: stored != type)
    }
    return result
  }
}

extension QuantizationMix {
  /// The kinds of tensors that rules tell apart.
  private enum Kind {
    case embedding, output, key, value, attentionOutput, down, other

    init(tensor name: String) {
      if name == "output.weight" {
        self = .output
      } else if ["token_embd.weight", "per_layer_token_embd.weight"].contains(name) {
        self = .embedding
      } else if ["attn_qkv.weight", "attn_kv_b.weight", "attn_v.weight"].contains(
        where: name.contains)
      {
        self = .value
      } else if name.contains("attn_k.weight") {
        self = .key
      } else if name.contains("attn_output.weight") {
        self = .attentionOutput
      } else if name.contains("ffn_down") {
        self = .down
      } else {
        self = .other
      }
    }
  }

  /// Matrices and stacks of them are quantized, but for norms, positions, routers and their tables.
  private static func allows(_ name: String, shape: [Int]) -> Bool {
    shape.dropLast().contains { $0 > 1 } && name.hasSuffix("weight")
      && !name.contains("_norm.weight") && !name.contains("position_embd")
      && !name.contains("ffn_gate_inp.weight") && !name.contains("per_layer_model_proj")
      && !name.contains("ffn_gate_tid2eid.weight") && !name.contains("ssm_conv1d")
  }

  /// Several matrices in one tensor, as experts are kept.
  private static func isStack(_ shape: [Int]) -> Bool { shape.count > 2 && shape[0] > 1 }

  /// The number in `blk.N.`; -1 outside the layers.
  private static func layer(of name: String) -> Int {
    let parts = name.split(separator: ".", maxSplits: 2)
    guard parts.count == 3, parts[0] == "blk" else { return -1 }
    return Int(parts[1]) ?? -1
  }

  /// The first and last eighth of the layers, and every third one between.
  private static func deservesMoreBits(_ index: Int, of count: Int) -> Bool {
    index < count / 8 || index >= 7 * count / 8 || (index - count / 8) % 3 == 2
  }

  /// The output matrix, and embeddings that stand in for it.
  private func outputType(columns: Int, _ model: Model) -> ElementType {
    if model.hasEightBitOutput || columns % mainType.elementsPerBlock != 0 || mainType == .q8_0 {
      return .q8_0
    }
    return .q6_k
  }

  private func valueType(index: Int, of count: Int, _ model: Model) -> ElementType {
    var type = mainType
    switch self {
    case .iq4_nl where model.hasFewValueHeads: type = .q5_k
    case .iq4_xs where model.hasFewValueHeads: type = .q5_k
    case .q2_k: type = model.hasFewValueHeads ? .q4_k : .q3_k
    case .q3_k_m: type = index < 2 ? .q5_k : .q4_k
    case .q3_k_l: type = .q5_k
    case .q4_k_m where Self.deservesMoreBits(index, of: count): type = .q6_k
    case .q5_k_m where Self.deservesMoreBits(index, of: count): type = .q6_k
    case .q4_k_s where index < 4: type = .q5_k
    default: break
    }
    if model.isMixtureOfEight { return .q8_0 }
    return model.isLabelled70B && [.q3_k, .q4_k].contains(type) ? .q5_k : type
  }

  private func attentionOutputType(_ model: Model) -> ElementType {
    switch self {
    case .q3_k_l where model.hasEightBitOutput: .q4_k
    case _ where model.hasEightBitOutput: mainType
    case .iq4_nl, .iq4_xs, .q2_k, .q3_k_s, .q3_k_m, .q4_k_s, .q4_k_m:
      if model.isMixtureOfEight {
        .q5_k
      } else {
        switch self {
        case .q2_k: .q3_k
        case .q3_k_m: .q4_k
        default: mainType
        }
      }
    case .q3_k_l where !model.isMixtureOfEight: .q5_k
    default: mainType
    }
  }

  private func downType(index: Int, _ model: Model) -> ElementType {
    let layers = model.layers
    switch self {
    case .q2_k: return .q3_k
    case .q3_k_m:
      if index < layers / 16 { return .q5_k }
      return model.hasEightBitOutput && !Self.deservesMoreBits(index, of: layers) ? .q3_k : .q4_k
    case .q3_k_l: return model.hasEightBitOutput ? .q4_k : .q5_k
    case .q4_k_m where model.hasEightBitOutput:
      return index < layers / 16 ? .q6_k : Self.deservesMoreBits(index, of: layers) ? .q5_k : .q4_k
    case .q4_k_s where model.hasEightBitOutput: return .q4_k
    case .q4_k_m where Self.deservesMoreBits(index, of: layers): return .q6_k
    case .q5_k_m where Self.deservesMoreBits(index, of: layers): return .q6_k
    case .q4_k_s where index < layers / 8: return .q5_k
    case .iq4_nl where index < layers / 8 && !model.hasImportance: return .q5_k
    case .iq4_xs where index < layers / 8 && !model.hasImportance: return .q5_k
    case .q4_0 where index < layers / 8 && model.hasImportance: return .q4_1
    case .q5_0 where index < layers / 8 && model.hasImportance: return .q5_1
    default: return mainType
    }
  }

  /// The type itself, or the one that rows of another length take in its place.
  private static func fitting(_ type: ElementType, columns: Int) -> ElementType {
    guard columns % type.elementsPerBlock != 0 else { return type }
    let smaller: ElementType =
      switch type {
      case .q2_k, .q3_k: .q4_0
      case .iq4_xs: .iq4_nl
      case .q4_k: .q5_0
      case .q5_k: .q5_1
      case .q6_k: .q8_0
      default: type
      }
    return columns % smaller.elementsPerBlock == 0 ? smaller : .f16
  }
}
