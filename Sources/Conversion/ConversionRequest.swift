import Checkpoints
import Foundation
import Inference
import Models
import Rotary
import Tensors

/// An identity by which weights take over what a rotation or a vector did (docs/rotary.md).
package enum AbsorptionIdentity: String, Sendable, CaseIterable, Comparable {
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
  /// Value pairs that hardly turn within the context stay still.
  case stillPairs = "B1"

  package static func < (one: Self, other: Self) -> Bool { one.rawValue < other.rawValue }

  /// Whether the function stays the same but for rounding.
  package var isExact: Bool { self != .stillPairs }

  /// Parses a comma-separated list such as `A2,A5`.
  package static func list(_ text: String) throws(ConversionError) -> [AbsorptionIdentity] {
    var result: [AbsorptionIdentity] = []
    for part in text.split(separator: ",") {
      let name = part.trimmingCharacters(in: .whitespaces).uppercased()
      guard let identity = AbsorptionIdentity(rawValue: name) else {
        throw .usage(
          "'\(part)' names no absorption (known: "
            + allCases.map(\.rawValue).joined(separator: ", ") + ")")
      }
      if !result.contains(identity) { result.append(identity) }
    }
    guard !result.isEmpty else { throw .usage("--absorb names no absorption") }
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
      throw .usage(
        "'\(path)' names no container (expected a name ending in .gguf, .safetensors, .tar.zst,"
          + " .tar.gz, .tar, .zip, or / for a folder)")
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
package struct ConversionRequest: Sendable {
  /// The sites that rotate; nil: the source's own, their value rotation as stored.
  package var sites: RotarySites?
  /// So many slowest value pairs rotate; nil: all.
  package var valuePairs: Int?
  /// A count of its own for every layer, in place of `valuePairs`.
  package var valuePairsByLayer: [Int]?
  package var valueBase: Double?
  /// Identities to apply to the weights.
  package var absorb: [AbsorptionIdentity]
  /// B1 stills pairs that turn less than this over the context, in radians.
  package var stillEpsilon: Double
  package var type: TypeChoice
  /// B1's angle where none is asked for.
  package static let stillEpsilon = 1e-6
  /// Weights of more bytes are shared out to files of at most this size.
  package var shardSize: Int?
  /// Tensors that the model does not use go along.
  package var keepsExtra = false
  /// Keys that are set or removed in the output.
  package var edits = MetadataEdits.none
  package var output: String
  /// Files beside the model that the output must not replace, such as a calibration text.
  package var inputs: [String] = []
  package var force: Bool
  package var threads: Int
  /// A fit to the new value rotation is going to follow: only what it cannot mend is warned of.
  package var expectsFit = false

  /// - Parameter sites: nil keeps the source's own; `RotarySites.none` is a model without any.
  package init(
    sites: RotarySites?, output: String, valuePairs: Int? = nil,
    valuePairsByLayer: [Int]? = nil, valueBase: Double? = nil,
    absorb: [AbsorptionIdentity] = [], stillEpsilon: Double = Self.stillEpsilon,
    type: TypeChoice = .keep,
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
