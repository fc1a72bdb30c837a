import Rotary

/// How `--rope-scaling` names a scaling: a method, and after a colon the sites that it reaches where
/// those are not all.
struct ScalingMethod {
  static let names = ["checkpoint", "none", "linear", "ntk", "dynamic", "yarn"]

  let name: String
  /// `.scores`, `.message` or both.
  let sites: RotarySites

  /// Parses one such as `yarn` or `yarn:vo`.
  init(_ text: String) throws(UsageError) {
    guard !text.contains(",") else {
      throw UsageError(
        "--rope-scaling is '\(text)': a list of scalings needs --lengths or several models")
    }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    name = String(parts[0])
    guard Self.names.contains(name) else {
      throw UsageError(
        "--rope-scaling is '\(text)', expected \(Self.names.dropLast().joined(separator: ", ")) or"
          + " \(Self.names.last ?? ""); all but checkpoint may end in :qk or :vo")
    }
    guard parts.count > 1 else {
      sites = .all
      return
    }
    guard name != Self.names[0],
      let only = [RotarySites.scores, .message].first(where: {
        $0.code == parts[1]
      })
    else {
      throw UsageError(
        "--rope-scaling is '\(text)', expected nothing after checkpoint, and after the others"
          + " :qk (queries and keys alone) or :vo (values and outputs alone)")
    }
    sites = only
  }

  /// Whether the method needs the context before scaling.
  var needsOriginalContext: Bool { ["dynamic", "yarn"].contains(name) }

  /// Whether a factor of 1 leaves every frequency as it is; `dynamic` grows with the length all the
  /// same.
  var isNothingByOne: Bool { ["linear", "ntk", "yarn"].contains(name) }

  /// Whether the method has a factor.
  var hasFactor: Bool { !["checkpoint", "none"].contains(name) }
}
