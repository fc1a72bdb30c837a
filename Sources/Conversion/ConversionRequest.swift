import Checkpoints
import Foundation
import Models
import Rotary

/// An identity by which weights take over what a rotation or a vector did (docs/rotary.md).
public enum AbsorptionIdentity: String, Sendable, CaseIterable, Comparable {
  /// Rotary pairs lie in the other layout: rows of W_q, W_k, W_v and columns of W_o permuted.
  case pairLayout = "A1"
  /// A basis of the values: `W_v <- M W_v`, `W_o <- W_o M^-1`.
  case valueBasis = "A2"
  /// A basis of the scores: `W_k <- N W_k`, `W_q <- N^-T W_q`.
  case scoreBasis = "A3"
  /// The value bias leaves the values: into the output bias, or as a declared unrotated bias.
  case valueBias = "A4"
  /// Gains (and biases) of norms before a sublayer go into the matrices that read them.
  case normGain = "A5"
  /// Matrices that make keys and values of a latent vector go into the queries and the output:
  /// `W_q^h <- W_UK^hT W_q^h`, `W_o^h <- W_o^h W_UV^h`.
  case latent = "A6"
  /// Pairs turn the other way: rows of W_q, W_k, W_v and columns of W_o in the places of their pair's
  /// other.
  case direction = "A7"
  /// Value pairs that hardly turn within the context stay still.
  case stillPairs = "B1"

  /// Orders identities by their codes, A1 first.
  public static func < (one: Self, other: Self) -> Bool { one.rawValue < other.rawValue }

  /// Whether the function stays the same but for rounding.
  public var isExact: Bool { self != .stillPairs }

  /// Parses a comma-separated list such as `A2,A5`.
  public static func list(_ text: String) throws(ConversionError) -> [AbsorptionIdentity] {
    var result: [AbsorptionIdentity] = []
    for part in text.split(separator: ",") {
      let name = part.trimmingCharacters(in: .whitespaces).uppercased()
      guard let identity = AbsorptionIdentity(rawValue: name) else {
        throw .setting(.unknownAbsorption(String(part)))
      }
      guard !result.contains(identity) else { throw .setting(.absorptionTwice(identity.rawValue)) }
      result.append(identity)
    }
    guard !result.isEmpty else { throw .setting(.noAbsorption) }
    return result.sorted()
  }
}

/// The container an output path asks for.
package enum OutputContainer: Sendable, Equatable {
  case gguf
  /// One `.safetensors` file with config.json beside it.
  case safetensors
  /// A Hugging Face folder.
  case folder
  /// An archive of a GGUF file or of a Hugging Face folder's files, as the source is one.
  case archive(ArchiveKind)

  package init(path: String) throws(ConversionError) {
    if path.hasSuffix("/") {
      self = .folder
    } else if path.hasSuffix(".gguf") {
      self = .gguf
    } else if path.hasSuffix(".safetensors") {
      self = .safetensors
    } else if let kind = ArchiveKind(path: path) {
      self = .archive(kind)
    } else {
      throw .setting(.unknownContainer(path: path))
    }
  }

  /// Whose names and layouts the tensors take.
  func side(of source: ModelPlan) -> Architecture.Side {
    switch self {
    case .gguf: .gguf
    case .safetensors, .folder: .huggingface
    case .archive: source.side
    }
  }
}

/// What to convert a model to.
public struct ConversionRequest: Sendable {
  /// The sites that rotate; nil: the source's own, their value rotation as stored.
  public var sites: RotarySites?
  /// So many slowest value pairs rotate; nil: all.
  public var valuePairs: Int?
  /// A count of its own for every layer, in place of `valuePairs`.
  public var valuePairsByLayer: [Int]?
  /// Frequency base of the values, where one is asked for.
  public var valueBase: Double?
  /// Identities to apply to the weights.
  public var absorb: [AbsorptionIdentity]
  /// B1 stills pairs that turn less than this over the context, in radians.
  public var stillEpsilon: Double
  /// How tensors are stored in the output.
  public var type: OutputTypes
  /// How much errors count in each column of matrices that are quantized.
  public var importance: ImportanceMatrix?
  /// B1's angle where none is asked for.
  public static let stillEpsilon = 1e-6
  /// Weights of more bytes are shared out to files of at most this size.
  public var shardSize: Int?
  /// Tensors that the model does not use go along.
  public var keepsExtra = false
  /// Keys that are set or removed in the output.
  package var edits = MetadataEdits.none
  /// Path of the output; its ending, or a slash at its end, chooses the container.
  public var output: String
  /// Files beside the model that the output must not replace, such as a calibration text.
  public var inputs: [String] = []
  /// Whether an older output is replaced.
  public var force: Bool
  /// Threads to work with.
  public var threads: Int
  /// A fit to the new value rotation is going to follow: only what it cannot mend is warned of.
  public var expectsFit = false

  /// What is asked of the rotation.
  package var rotary: RotaryRequest {
    RotaryRequest(
      sites: sites, valuePairs: valuePairs, valuePairsByLayer: valuePairsByLayer,
      valueBase: valueBase)
  }

  /// A conversion to `output`; nil `sites` keeps the source's own, and `RotarySites.none` is a
  /// model without any.
  public init(
    sites: RotarySites?, output: String, valuePairs: Int? = nil,
    valuePairsByLayer: [Int]? = nil, valueBase: Double? = nil,
    absorb: [AbsorptionIdentity] = [], stillEpsilon: Double = Self.stillEpsilon,
    type: OutputTypes = .keep,
    force: Bool = false, threads: Int = 1
  ) {
    self.sites = sites
    self.output = output
    self.valuePairs = valuePairs
    self.valuePairsByLayer = valuePairsByLayer
    self.valueBase = valueBase
    self.absorb = absorb
    self.stillEpsilon = stillEpsilon
    self.type = type
    self.force = force
    self.threads = threads
  }
}
