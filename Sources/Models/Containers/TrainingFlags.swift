import Checkpoints
import Rotary
import Tensors

/// The rotation that a training script's flags in config.json state: `rope` (q and k), `vo_rope`
/// (values and outputs), `rove` (all four), each true or false, and `rope_interleaved` for the pair
/// layout. The values turn as the scores do, and a value bias with them: so it was trained.
struct TrainingFlags {
  /// Members of config.json.
  enum Key: String, CaseIterable {
    case rope
    case message = "vo_rope"
    case all = "rove"
    case interleaved = "rope_interleaved"
  }

  let sites: RotarySites
  let layout: PairLayout?

  /// Nil where config.json has none of the flags.
  /// - Parameters:
  ///   - checkpoint: the model's files.
  ///   - plain: the sites of the architecture without flags.
  /// - Throws: `ModelError.hyperparameter` for a flag that is neither true nor false.
  init?(_ checkpoint: Checkpoint, plain: RotarySites) throws(ModelError) {
    func flag(_ key: Key) throws(ModelError) -> Bool? {
      let key = key.rawValue
      guard let value = checkpoint.configuration?[key], value != .null else { return nil }
      guard let flag = value.bool else {
        throw .hyperparameter(file: checkpoint.path, key: key, problem: "is not true or false")
      }
      return flag
    }
    let (rope, message, all) = try (flag(.rope), flag(.message), flag(.all))
    let interleaved = try flag(.interleaved)
    if rope == nil, message == nil, all == nil, interleaved == nil { return nil }
    var sites = plain
    if let rope { sites = rope ? sites.union(.scores) : sites.subtracting(.scores) }
    if message == true { sites.formUnion(.message) }
    if all == true { sites = .all }
    self.sites = sites
    layout = interleaved.map { $0 ? .interleaved : .half }
  }

  /// The rotation that was trained, made of `plain`, that of a plain file.
  func rotation(
    _ plain: RotaryConfiguration, length: Int
  ) throws(RotaryError) -> RotaryConfiguration {
    var trained = plain
    trained.declare(sites: sites, values: nil, scoreLayout: layout)
    trained = try trained.applying(RotaryRequest(sites: sites), length: length)
    for index in trained.layers.indices { trained.layers[index].value?.bias = .rotated }
    return trained
  }
}
