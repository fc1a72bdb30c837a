import Checkpoints
import Rotary
import Tensors

/// The rotation that a training script's flags in config.json state: `rope` (q and k), `vo_rope`
/// (values and outputs), `rove` (all four), each true or false, and `rope_interleaved` for the pair
/// layout. The values turn as the scores do, and a value bias with them: so it was trained.
struct TrainingFlags {
  let sites: RotarySites
  let layout: PairLayout?

  /// Nil where config.json has none of the flags.
  /// - Parameter plain: the sites of the architecture without flags.
  /// - Throws: `ModelError.hyperparameter` for a flag that is neither true nor false.
  init?(_ checkpoint: Checkpoint, plain: RotarySites) throws(ModelError) {
    func flag(_ key: String) throws(ModelError) -> Bool? {
      guard let value = checkpoint.configuration?[key], value != .null else { return nil }
      guard let flag = value.bool else {
        throw .hyperparameter(file: checkpoint.path, key: key, problem: "is not true or false")
      }
      return flag
    }
    let (rope, message, all) = try (flag("rope"), flag("vo_rope"), flag("rove"))
    let interleaved = try flag("rope_interleaved")
    if rope == nil, message == nil, all == nil, interleaved == nil { return nil }
    var sites = plain
    if let rope { sites = rope ? sites.union(.scores) : sites.subtracting(.scores) }
    if message == true { sites.formUnion(.message) }
    if all == true { sites = .all }
    self.sites = sites
    layout = interleaved.map { $0 ? .interleaved : .half }
  }

  /// The rotation that was trained.
  /// - Parameter score: that of queries and keys, in the layout of `self`.
  func rotation(_ score: ScoreRotation, length: Int) throws(RotaryError) -> StoredRotation {
    var trained = try RotaryConfiguration(sites: sites, score: score, value: nil)
      .applying(RotaryRequest(sites: sites), length: length)
    trained.value?.bias = .rotated
    return StoredRotation(sites: sites, value: trained.value, scoreLayout: nil)
  }
}
