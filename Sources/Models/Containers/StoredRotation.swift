import Base
import Checkpoints
import Rotary
import Tensors

/// The rotation a converted checkpoint declares: `rotary.*` keys of a GGUF file, or the `rotary`
/// object of config.json with the same fields (formats/rotary.md).
package struct StoredRotation: Sendable, Equatable {
  package var sites: RotarySites
  package var value: ValueRotation?
  /// Set where Q and K lie in another pair layout than the architecture's own.
  package var scoreLayout: PairLayout?

  /// The version of the format this program reads and writes.
  package static let version = 1

  package init(sites: RotarySites, value: ValueRotation?, scoreLayout: PairLayout?) {
    self.sites = sites
    self.value = value
    self.scoreLayout = scoreLayout
  }

  init(_ checkpoint: Checkpoint, side: Architecture.Side, layers: Int, pairs: Int) throws {
    func field(_ key: String) -> JSONValue? {
      if side == .gguf {
        return checkpoint.metadata["rotary.\(key)"].map { JSONValue(metadata: $0) }
      }
      var value = checkpoint.configuration?["rotary"]
      for part in key.split(separator: ".") { value = value?[String(part)] }
      return value
    }
    func failure(_ key: String, _ problem: String) -> ModelError {
      .hyperparameter(file: checkpoint.path, key: "rotary.\(key)", problem: problem)
    }
    guard field("version")?.int == Self.version else {
      throw failure("version", "is missing or not \(Self.version), the version supported")
    }
    guard let text = field("sites")?.string else { throw failure("sites", "is missing") }
    sites = try RotarySites(parsing: text)
    scoreLayout = nil
    if let layout = field("score.layout")?.string {
      guard let known = PairLayout(rawValue: layout) else {
        throw failure("score.layout", "is '\(layout)', expected interleaved or half")
      }
      scoreLayout = known
    }
    guard sites.rotatesMessage else {
      value = nil
      return
    }
    guard let layoutText = field("value.layout")?.string,
      let layout = PairLayout(rawValue: layoutText)
    else { throw failure("value.layout", "is missing or not one of interleaved, half") }
    guard let biasText = field("value.bias")?.string,
      let bias = ValueRotation.Bias(rawValue: biasText)
    else { throw failure("value.bias", "is missing or not one of rotated, unrotated") }
    guard let list = field("value.frequencies")?.array else {
      throw failure("value.frequencies", "is missing")
    }
    let numbers = list.compactMap(\.double)
    guard numbers.count == list.count, numbers.allSatisfy(\.isFinite) else {
      throw failure("value.frequencies", "holds something that is not a finite number")
    }
    guard numbers.count == pairs || numbers.count == layers * pairs else {
      throw RotaryError.tableSize(found: numbers.count, layers: layers, pairs: pairs)
    }
    let table = (0..<layers).map { layer in
      Array(numbers[(numbers.count == pairs ? 0 : layer * pairs)...].prefix(pairs))
    }
    value = ValueRotation(
      frequencies: table, layout: layout, bias: bias, base: field("value.freq_base")?.double,
      pairs: field("value.pairs")?.int)
  }
}
