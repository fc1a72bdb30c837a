import Base
import Conversion
import Evaluation
import OrderedCollections
import Rotary
import Synchronization

/// The warnings of this run: on standard error as they come, and in the JSON of the result.
enum Warnings {
  private static let given = Mutex(OrderedSet<String>())

  /// Keeps a warning.
  /// - Returns: whether it is a new one.
  static func keep(_ text: String) -> Bool { given.withLock { $0.append(text).inserted } }

  /// All of them, as they came.
  static var all: [String] { given.withLock { Array($0) } }

  /// A result with the warnings of the run in its `warnings`, after those it has itself; without
  /// any it stays as it is.
  static func added(to json: JSONValue) -> JSONValue {
    let texts = all
    guard !texts.isEmpty, var object = json.object else { return json }
    let own = object["warnings"]?.array ?? []
    object["warnings"] = .array(
      own + texts.map { .string($0) }.filter { !own.contains($0) })
    return .object(object)
  }
}

extension OutputOptions {
  func warn(_ warning: ConversionWarning) {
    warn(warning.text + (warning.remedy.map { " (\($0))" } ?? ""))
  }

  /// Warns of what a model states or holds and nothing here does or reads.
  func warn(_ model: Model) { for note in model.plan.notes { warn(note) } }

  /// Warns where two models that get the same token ids take them for other texts.
  func warnOfVocabularies(_ one: Model, _ other: Model) {
    if let difference = VocabularyDifference(one, other) { warn(difference.text) }
  }

  /// Warns where the weights of a model were fitted on the text that is looked at.
  /// - Throws: `TensorError` for weights that cannot be decoded.
  func warn(_ models: Model..., fittedOn text: TokenizedText) throws {
    for model in models { try model.calibrationNote(on: text).map(warn) }
  }

  /// Warns once where a pass is longer than a model was trained for.
  /// - Parameters:
  ///   - model: the model.
  ///   - length: tokens of the pass.
  ///   - start: the position of the first one.
  ///   - rotary: the variant computed.
  ///   - option: what would make it shorter; nil where the frequencies can be scaled.
  /// - Returns: whether it is longer.
  @discardableResult
  func warn(
    _ model: Model, beyond length: Int, from start: Int = 0, rotary: RotaryRequest = .asStored,
    shorter option: String? = nil
  ) -> Bool {
    let warning = ContextWarning(model.plan, length: length, from: start, rotary: rotary)
    guard let warning else { return false }
    warn(warning.text + warning.remedy(shorter: option))
    return true
  }
}
