import Base
import Models

/// The texts that weights were fitted on, by their hashes.
struct CalibrationTexts {
  private var hashes: Set<String> = []

  /// - Parameter fit: what an identity states of a fit: that of a GGUF file or of a config.json.
  init(_ fit: JSONValue?) {
    guard let fit, fit[OwnKeys.Fit.mode]?.string != OwnKeys.Fit.unused else { return }
    for text in fit[OwnKeys.Fit.texts]?.array ?? [] {
      let line = text.string.flatMap { $0.split(separator: " ").first }.map(String.init)
      let stated = [text["sha256"]?.string, text["ids_sha256"]?.string, line]
      hashes.formUnion(stated.compactMap { $0 })
    }
    hashes.formUnion((fit[OwnKeys.Fit.textsIDs]?.array ?? []).compactMap(\.string))
  }

  func contains(anyOf others: [String]) -> Bool { !hashes.isDisjoint(with: others) }

  /// What is to be known where one of them was looked at.
  static func note(text: String, model: String) -> String {
    "\(InputFile.name(of: text)): is (in part) calibration text of \(model), whose weights"
      + " were fitted on it: other texts cost more than it shows"
  }
}

extension Model {
  /// A sentence where the text is, or is in part, what the weights were fitted on; nil of another text.
  /// - Throws: `TensorError` for weights that cannot be decoded.
  package func calibrationNote(on text: TokenizedText) throws -> String? {
    let scored = [text.sourceHash, text.identity["sha256"]?.string].compactMap { $0 }
    guard CalibrationTexts(try fit.value(of: plan)).contains(anyOf: scored) else { return nil }
    return CalibrationTexts.note(text: text.name, model: checkpoint.path)
  }
}
