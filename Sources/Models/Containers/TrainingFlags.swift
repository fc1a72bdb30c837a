import Checkpoints
import Rotary
import Tensors

/// The rotation that a training script's flags in config.json state: `rope` (q and k), `vo_rope`
/// (values and outputs), `rove` (all four), each true or false, `rope_interleaved` for the pair
/// layout and `rope_backward` for code that turns by R_(-t) (BlaGPT, modded-nanogpt). The values
/// turn as the scores do, and a value bias with them: so it was trained.
struct TrainingFlags {
  /// Members of config.json.
  enum Key: String, CaseIterable {
    case rope
    case message = "vo_rope"
    case all = "rove"
    case interleaved = "rope_interleaved"
    case backward = "rope_backward"
  }

  let sites: RotarySites
  let scores: ScoreDeclaration

  init(sites: RotarySites, scores: ScoreDeclaration) {
    self.sites = sites
    self.scores = scores
  }

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
    let backward = try flag(.backward)
    let flags = [rope, message, all, interleaved, backward]
    if flags.allSatisfy({ $0 == nil }) { return nil }
    var sites = plain
    if let rope { sites = rope ? sites.union(.scores) : sites.subtracting(.scores) }
    if message == true { sites.formUnion(.message) }
    if all == true { sites = .all }
    self.sites = sites
    scores = ScoreDeclaration(
      layout: interleaved.map { $0 ? .interleaved : .half },
      direction: backward == true ? .backward : .forward)
  }

  /// The rotation that was trained, made of `plain`, that of a plain file.
  func rotation(
    _ plain: RotaryConfiguration, length: Int
  ) throws(RotaryError) -> RotaryConfiguration {
    var trained = plain
    trained.declare(sites: sites, values: nil, scores: scores)
    trained = try trained.applying(RotaryRequest(sites: sites), length: length)
    for index in trained.layers.indices { trained.layers[index].value?.bias = .rotated }
    return trained
  }
}
