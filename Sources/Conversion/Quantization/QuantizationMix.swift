import Tensors

/// What llama-quantize makes of a model under one of its file type names: a main type, and rules that
/// give more bits to the tensors that need them (`LlamaQuantizeRules.swift`).
public enum QuantizationMix: String, Sendable, CaseIterable {
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q8_0, q4_0, q4_1, q5_0, q5_1, iq4_nl, iq4_xs
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q2_k, q3_k_s, q3_k_m, q3_k_l, q4_k_s, q4_k_m, q5_k_s, q5_k_m, q6_k
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case mxfp4_moe

  /// A lower-case name; `q3_k`, `q4_k` and `q5_k` are the `_m` mixes, as in the ecosystem.
  init?(parsing name: String) {
    switch name {
    case "q3_k": self = .q3_k_m
    case "q4_k": self = .q4_k_m
    case "q5_k": self = .q5_k_m
    default: self.init(rawValue: name)
    }
  }

  /// The type of a matrix that no rule speaks of.
  package var mainType: ElementType { facts.mainType }

  /// The number in `general.file_type` (`enum llama_ftype` of llama.h).
  package var fileType: UInt32 { facts.fileType }

  private var facts: (mainType: ElementType, fileType: UInt32) {
    switch self {
    case .q8_0: (.q8_0, 7)
    case .q4_0: (.q4_0, 2)
    case .q4_1: (.q4_1, 3)
    case .q5_0: (.q5_0, 8)
    case .q5_1: (.q5_1, 9)
    case .iq4_nl: (.iq4_nl, 25)
    case .iq4_xs: (.iq4_xs, 30)
    case .q2_k: (.q2_k, 10)
    case .q3_k_s: (.q3_k, 11)
    case .q3_k_m: (.q3_k, 12)
    case .q3_k_l: (.q3_k, 13)
    case .q4_k_s: (.q4_k, 14)
    case .q4_k_m: (.q4_k, 15)
    case .q5_k_s: (.q5_k, 16)
    case .q5_k_m: (.q5_k, 17)
    case .q6_k: (.q6_k, 18)
    case .mxfp4_moe: (.mxfp4, 38)
    }
  }

  /// The version of the blocks' layouts, as `general.quantization_version` states it.
  static let layoutVersion: UInt32 = 2
}
