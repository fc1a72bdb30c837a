/// Settings of a conversion that contradict each other, name something unknown or do not suit the
/// model. Each says what is wrong in the library's own words; a front end adds what it calls the
/// setting.
public enum SettingFault: Sendable, Equatable {
  /// No absorption has this name.
  case unknownAbsorption(String)
  /// A list of absorptions is empty.
  case noAbsorption
  /// An absorption stands in a list twice.
  case absorptionTwice(String)
  /// No value pair turns as little as B1 stills, in radians.
  case nothingToStill(epsilon: Double)
  /// The output's name does not say which container it is.
  case unknownContainer(path: String)
  /// No type to store tensors in has this name.
  case unknownType(String)
  /// Only a quantized type can be given to every matrix.
  case pureType(String)
  /// An importance matrix where nothing is quantized.
  case importanceUnused
  /// The container cannot be split into several files.
  case shards
  /// Quantized blocks for a container that cannot hold them.
  case quantizedOutsideGGUF(type: String)
  /// Value pairs or a base for values whose rotation stays as it is.
  case valuesStay
  /// Value pairs or a base where neither v nor o rotates.
  case noValueRotation(sites: String)

  /// A text that should be `key=value`.
  case notKeyAndValue(String)
  /// A key names too many objects within each other.
  case keyTooDeep(parts: Int, limit: Int)
  /// A value is nested so deep that no file with it could be read.
  case valueTooDeep(key: String)
  /// Only the conversion itself may write this key.
  case reservedKey(String)
  /// A key is set and removed, or set twice.
  case keyGivenTwice(String)
  /// A value that the key's type cannot hold.
  case keyType(key: String, value: String, type: String)
  /// A key to remove that is not there.
  case missingKey(String)
  /// A member of config.json that says nothing, as kinds of layers have objects of their own.
  case ofLayerKinds(key: String, member: String)
  /// Edits of one fact of the rotation, in its two spellings, that disagree.
  case spellingsDisagree(key: String)
  /// With its keys edited the tokenizer cannot be read.
  case unreadableTokenizer(reason: String)
  /// With its keys edited the model cannot be read.
  case unreadableModel(reason: String)
  /// Edits change how queries and keys turn, and the frequencies of values would stay as they are.
  case valuesBehindEdit

  /// A calibration window is too short.
  case calibrationContext(Int)
  /// Fewer calibration tokens than two windows for each text.
  case calibrationTokens(Int, context: Int, texts: Int)
  /// Two calibration texts are one.
  case equalCalibrationTexts(String, String)
  /// A limit for the rise of perplexity that is not a number from 0 up.
  case maxIncrease(Double)
  /// The search for the most value rotation needs values that begin to turn.
  case noValuesBeginToTurn
  /// The output rotates as the model does.
  case nothingToFit(sites: String)
  /// A layer's values cannot be fitted to their rotation.
  case notFittable(layer: Int, reason: String)
  /// A fit together with latent attention that is to be absorbed.
  case fitOfAbsorbed

  /// What is wrong, in one line without a full stop.
  package var summary: String {
    switch self {
    case .unknownAbsorption(let name):
      "'\(name)' names no absorption (known: "
        + AbsorptionIdentity.allCases.map(\.rawValue).joined(separator: ", ") + ")"
    case .noAbsorption: "the list of absorptions is empty"
    case .absorptionTwice(let name): "the list of absorptions has \(name) twice"
    case .nothingToStill(let epsilon):
      "absorption B1 stills nothing: every value pair turns by \(epsilon) radians or more over the"
        + " context"
    case .unknownContainer(let path):
      "'\(path)' names no container (expected a name ending in .gguf, .safetensors, .tar.zst,"
        + " .tar.gz, .tgz, .tar, .zip, or / for a folder)"
    case .unknownType(let name):
      "'\(name)' is not a type to store tensors in (known: \(OutputTypes.known))"
    case .pureType(let name): "only a quantized type can be pure, '\(name)' is not quantized"
    case .importanceUnused: "an importance matrix is for quantized types"
    case .shards:
      "a .safetensors output is always one file; .gguf files, folders and archives can be split into several"
    case .quantizedOutsideGGUF(let type):
      "type \(type) needs a GGUF output, safetensors cannot hold quantized blocks"
    case .valuesStay:
      "value pairs and their base change the value rotation, which stays as it is where no sites"
        + " are named"
    case .noValueRotation(let sites):
      "value pairs and their base need sites with v or o, '\(sites)' has neither"
    case .notKeyAndValue(let text): "'\(text)' does not set a key, expected key=value"
    case .keyTooDeep(let parts, let limit):
      "a key of \(parts) parts, expected at most \(limit)"
    case .valueTooDeep(let key): "the value of the key '\(key)' is nested too deep"
    case .reservedKey(let key): "the key '\(key)' is written by the conversion alone"
    case .keyGivenTwice(let key): "the key '\(key)' is given twice"
    case .keyType(let key, let value, let type):
      "'\(value)' is not a value of type \(type), which the key '\(key)' has"
    case .missingKey(let key): "there is no key '\(key)' to remove"
    case .ofLayerKinds(let key, let member):
      "the key '\(key)' says nothing of layers whose kinds have rotations of their own, which"
        + " '\(member)' sets"
    case .spellingsDisagree(let key):
      "another key that is set contradicts '\(key)': both are spellings of one fact of the rotation"
    case .unreadableTokenizer(let reason):
      "the edited keys leave a tokenizer that cannot be read: \(reason)"
    case .unreadableModel(let reason):
      "the edited keys leave a model that cannot be read: \(reason)"
    case .valuesBehindEdit:
      "the edited keys change how queries and keys turn, but not the frequencies of values, which"
        + " come from the model before the edit"
    case .calibrationContext(let tokens):
      "calibration windows of \(tokens) tokens, expected at least 4"
    case .calibrationTokens(let tokens, let context, let texts):
      "\(tokens) calibration tokens, expected at least two windows of \(context)"
        + (texts > 1 ? " for each of \(texts) texts" : "")
    case .equalCalibrationTexts(let one, let other):
      "the calibration texts '\(one)' and '\(other)' are the same text"
    case .maxIncrease(let percent):
      "perplexity may rise by at most \(percent) %, expected 0 or more"
    case .noValuesBeginToTurn:
      "how many value pairs begin to turn can be chosen only for sites with v or o, and for a model"
        + " whose values stay still"
    case .nothingToFit(let sites):
      "there is nothing to fit: '\(sites)' rotates as the model does"
    case .notFittable(let layer, let reason): "layer \(layer) cannot be fitted: \(reason)"
    case .fitOfAbsorbed:
      "a fit works on the values of single heads, which latent attention does not have once it is"
        + " absorbed"
    }
  }
}
