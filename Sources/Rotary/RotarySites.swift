/// The sites of attention that rotate: a rotary variant.
///
/// With `R_t` the block-diagonal rotation by `t * theta_p` of pair `p`, query position `i` and key
/// position `j`: `q_i -> R_i q_i`, `k_j -> R_j k_j`, `v_j -> R_j v_j`, `o_i -> R_i^T o_i`.
/// RoPE (arXiv:2104.09864) is `qk`; VO-RoPE is `vo`; RoVE is all four.
public struct RotarySites: OptionSet, Sendable, Hashable {
  /// A bit for each site: 1 query, 2 key, 4 value, 8 output.
  public let rawValue: UInt8

  /// The sites whose bits are set.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Queries.
  public static let query = RotarySites(rawValue: 1)
  /// Keys.
  public static let key = RotarySites(rawValue: 2)
  /// Values.
  public static let value = RotarySites(rawValue: 4)
  /// Outputs, which turn back.
  public static let output = RotarySites(rawValue: 8)

  /// No site.
  public static let none: RotarySites = []
  /// Queries and keys, which make the scores: RoPE.
  public static let scores: RotarySites = [.query, .key]
  /// Values and outputs, which carry the message: VO-RoPE.
  public static let message: RotarySites = [.value, .output]
  /// All four sites: RoVE.
  public static let all: RotarySites = [.query, .key, .value, .output]

  private static let letters: [(Character, RotarySites)] = [
    ("q", .query), ("k", .key), ("v", .value), ("o", .output),
  ]
  private static let names: [String: RotarySites] = [
    "rope": .scores, "rove": .all, "nope": .none, "none": .none, "": .none,
  ]

  /// Parses `qk`, `vo`, `qkvo`, any other subset of the letters in any order, `rope`, `rove`,
  /// `nope` (or the empty string).
  /// - Throws: `RotaryError.unknownSites` (exit 64).
  public init(parsing text: String) throws(RotaryError) {
    let lowered = text.lowercased()
    if let named = Self.names[lowered] {
      self = named
      return
    }
    var sites: RotarySites = []
    for letter in lowered {
      guard let site = Self.letters.first(where: { $0.0 == letter })?.1, !sites.contains(site)
      else { throw .unknownSites(text) }
      sites.insert(site)
    }
    self = sites
  }

  /// The letters in the order `qkvo`; empty where nothing rotates.
  public var code: String {
    String(Self.letters.filter { contains($0.1) }.map(\.0))
  }

  /// The letters, or `nope` where nothing rotates: for file names and people.
  public var name: String { isEmpty ? "nope" : code }

  /// Only differences of positions matter: q and k are both in or both out, and so are v and o.
  public var isRelative: Bool {
    contains(.query) == contains(.key) && contains(.value) == contains(.output)
  }

  /// Whether values or outputs rotate: what a plain reader of the checkpoint does not compute.
  public var rotatesMessage: Bool { !isDisjoint(with: .message) }

  /// Whether queries or keys rotate.
  public var rotatesScores: Bool { !isDisjoint(with: .scores) }
}
