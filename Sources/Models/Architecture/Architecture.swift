import Base
import OrderedCollections
import Tensors

/// One family of models as data: how its tensors and hyper-parameters are named in both containers
/// and which block its layers are made of. Read from `formats/architectures/*.json`, whose keys
/// `formats/README.md` documents.
package struct Architecture: Sendable {
  /// The user's file that this was read from; nil for one that comes with the program.
  package let origin: DataFile?
  /// The name of the data file, which is the GGUF architecture's name, such as `qwen2`.
  package let name: String
  /// `model_type` values of config.json that this architecture reads.
  package let modelTypes: [String]
  /// The `architectures` entry to write into config.json, by model type.
  package let classNames: [String: String]
  /// The `model_type` of another family to write into a folder, where transformers has no class for
  /// this one's text alone.
  package let folderModelType: String?
  /// The `model_type` to write for a GGUF file with a sliding window, where it is another one.
  package let windowedModelType: String?
  /// Keys by which a config.json without `model_type` is known to be of this architecture.
  package let recognizedBy: [String]
  /// Keys that tell a config.json of this architecture from others of the same `model_type`.
  package let toldBy: [String]
  /// By model type, members of a config.json that is this architecture's, each with the values that it
  /// may have then.
  package let readWhere: [String: OrderedDictionary<String, [JSONValue]>]
  package let block: BlockRecipe
  /// How the rotary pairs of Q and K lie in each container.
  package let pairLayouts: [Side: PairLayout]
  /// GGUF keys that say by two positive numbers at the head of a list that pairs lie otherwise in that
  /// file, and how (GLM-4V's sections of a rotation by several positions).
  package let otherPairLayouts: OrderedDictionary<String, PairLayout>
  package let hyperparameters: [Hyperparameter: HyperparameterKeys]
  /// Facts of config.json that have one supported value: another one is refused.
  package let required: OrderedDictionary<String, [JSONValue]>
  /// Members of config.json that the reference implementation does not look at, by model type.
  package let unread: [String: [String]]
  /// Members that it takes for granted where config.json lacks them, by model type.
  package let assumed: [String: OrderedDictionary<String, JSONValue>]
  /// GGUF keys that loaders ask for and nothing here needs, with the config.json key they copy.
  package let copied: OrderedDictionary<String, CopiedKey>
  package let weights: OrderedDictionary<Role, WeightNames>
  /// Patterns of tensor names that real checkpoints carry and nobody needs.
  package let ignored: [String]
  /// Which models of the family llama.cpp takes for one of 70 billion parameters; nil: none.
  package let seventyBillion: SeventyBillion?
  /// llama-quantize's rules for Falcon: an output matrix of eight bits, fewer bits for what leads out
  /// of feed-forward networks.
  package let hasEightBitOutput: Bool

  /// The container family of a checkpoint: decides names, layouts and forms.
  package enum Side: String, Sendable, CaseIterable, Hashable {
    case gguf, huggingface
  }

  /// A data file of the user's own: a fact that results depend on.
  package struct DataFile: Sendable, Hashable {
    package let path: String
    package let sha256: String
  }

  /// What tells a model of 70 billion parameters, whose value matrices llama-quantize keeps wider.
  package struct SeventyBillion: Sendable, Equatable {
    package var layers: Int
    /// Only where several query heads share a key and value head.
    package var grouped: Bool
  }

  /// The full name of a GGUF key under `prefix`, the architecture's name or `<name>-rotary`: keys
  /// of our own carry a prefix of their own.
  package static func ggufKey(_ key: String, prefix: String) -> String {
    key.hasPrefix(OwnKeys.prefix) ? key : "\(prefix).\(key)"
  }
}

/// A GGUF key with the config.json key that states the same.
package struct CopiedKey: Sendable, Equatable {
  package enum Kind: String, Sendable, CaseIterable {
    /// A whole number or a truth value, as config.json has it.
    case whole
    case float32
    /// How many numbers a list has.
    case count
    /// Pairs of each section of a rotation by several positions (M-RoPE), four numbers in GGUF: a
    /// member of the object that says how layers rotate.
    case sections
  }

  package var huggingface: String
  package var type: Kind
  /// What GGUF states of a folder that does not have the member.
  package var fallback: JSONValue?
}
