import Checkpoints
import Foundation
import Models
import TestSupport
import Testing

/// Numbers of a downloaded config.json that integers are made of: each by itself is one, and what is
/// made of them must not overflow.
@Suite struct GreatSizeTests {
  /// The error of a folder with another config.json; nil where it opens.
  private func refusal(
    _ family: String, _ change: (inout [String: Any]) -> Void
  ) throws -> ModelError? {
    guard let source = try References.shared("parity/\(family)") else { return nil }
    let work = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: work) }
    try References.folder(like: source, at: "\(work)/model", change)
    do {
      _ = try ModelPlan(Checkpoint.open("\(work)/model"))
      return nil
    } catch let error as ModelError {
      #expect(error.exitStatus == .malformedData)
      return error
    }
  }

  private func expectRefused(
    _ family: String, _ words: String..., change: (inout [String: Any]) -> Void
  ) throws {
    guard try References.shared("parity/\(family)") != nil else { return }
    let error = try refusal(family, change)
    for word in words {
      #expect(error?.summary.contains(word) == true, "\(family): \(String(describing: error))")
    }
  }

  /// q, k and v in one tensor; q and its gate; still keys and values of latent attention.
  @Test func headsThatAreTooWideTogether() throws {
    let most = 1 << 31
    for family in ["phi3", "qwen3-5"] {
      try expectRefused(family, "'num_attention_heads'", "which no model has") {
        $0["num_attention_heads"] = most
        $0["num_key_value_heads"] = most
        $0["head_dim"] = most
      }
    }
    try expectRefused("deepseek-v3", "'num_attention_heads'", "which no model has") {
      $0["num_attention_heads"] = most
      $0["num_key_value_heads"] = most
      $0["qk_nope_head_dim"] = most
      $0["v_head_dim"] = most
    }
  }

  @Test func sharedExpertsThatAreTooMany() throws {
    try expectRefused("deepseek-v3", "'n_shared_experts'", "which no model has") {
      $0["n_shared_experts"] = 1 << 31
    }
  }

  /// Of a model that states dims and share of what turns, in either set of layers.
  @Test(arguments: [1e300, -1e300, 1e308, 0x1p63, -0x1p63, 1.5, 0], ["main", "compress"])
  func sharesOfAHeadThatAreNone(share: Double, set: String) throws {
    try expectRefused("deepseek-v4", "expected a number in (0, 1]") {
      var sets = $0["rope_parameters"] as? [String: Any] ?? [:]
      var members = sets[set] as? [String: Any] ?? [:]
      members["partial_rotary_factor"] = share
      sets[set] = members
      $0["rope_parameters"] = sets
    }
  }

  @Test func iterationsOfHyperConnections() throws {
    for count in [1001, 2_000_000_000] {
      try expectRefused("deepseek-v4", "'hc_sinkhorn_iters'", "which no model has") {
        $0["hc_sinkhorn_iters"] = count
      }
    }
    let error = try refusal("deepseek-v4") { $0["hc_sinkhorn_iters"] = 1000 }
    #expect(error == nil)
  }
}
