import Checkpoints
import Models
import Rotary
import Vocabulary

/// What a user should know before the output is written, in the order in which it is told.
extension ConversionPlan {
  /// - Parameter assembled: the tensors, with what was done to each.
  /// - Returns: all but what edited keys do.
  /// - Throws: what reading the source's tokenizer, or its keys, throws.
  func findWarnings(_ assembled: [TensorAssembly.Assembled]) throws -> [ConversionWarning] {
    var warnings: [ConversionWarning] = source.notes.map { .ignored($0) }
    warnings += rotationWarnings
    warnings += try unseenWarnings()
    if fitProvenance.isChanged { warnings.append(.changedAfterFit) }
    warnings += try tokenizerWarnings()
    if side == .huggingface, let configuration = source.checkpoint.configuration,
      CodeReferences.removed(from: configuration) != nil
    {
      warnings.append(.codeOutside(file: ModelFolder.configuration))
    }
    warnings += typeWarnings(assembled)
    return warnings + (companions?.warnings ?? [])
  }

  /// Of the sites, and of values that turn alike at every length.
  private var rotationWarnings: [ConversionWarning] {
    var warnings: [ConversionWarning] = []
    let purpose: SiteChange.Purpose =
      if request.expectsFit || fit?.isUsed == true {
        .fittedConversion
      } else {
        fit != nil || source.layers.contains { $0.boundKeys != nil }
          ? .unfittableConversion : .conversion
      }
    if let siteChange, siteChange.effects(for: purpose) != nil {
      warnings.append(.sites(siteChange, purpose))
    }
    if target.fixesValueScaling {
      // Of a table that the source holds nobody knows the length.
      let isOwn = source.rotary.fixesValueScaling
      warnings.append(.fixedValues(tokens: isOwn ? nil : source.shape.context))
    }
    return warnings
  }

  /// Of what readers of a plain GGUF file do not see, or compute otherwise.
  private func unseenWarnings() throws -> [ConversionWarning] {
    guard side == .gguf, declaration == nil else { return [] }
    let metadata = GGUFMetadata(plan: source)
    var warnings: [ConversionWarning] = try metadata.unseenKeys().map { .unseenKey($0) }
    if let sentence = try metadata.otherYarn() { warnings.append(.otherYarn(sentence)) }
    return warnings
  }

  /// Of what GGUF cannot say of a folder's tokenizer.
  private func tokenizerWarnings() throws -> [ConversionWarning] {
    guard side == .gguf, source.side == .huggingface else { return [] }
    guard let tokenizer = try Tokenizer.load(from: source.checkpoint) else {
      return [.noTokenizer]
    }
    // What cannot be written or read is refused elsewhere.
    let written = try? outputTokenizer()
    var warnings: [ConversionWarning] = tokenizer.lostInGGUF(readAs: written).map {
      .tokenizerFact($0)
    }
    if let written, let difference = tokenizer.differentTokens(from: written) {
      warnings.append(.otherTokens(difference))
    }
    let names = tokenizer.templatesLeftOut
    if !names.isEmpty { warnings.append(.chatTemplates(names)) }
    return warnings
  }

  /// Of tensors that take more room than in the source, another type than the mix's, or none of the
  /// importance matrix.
  private func typeWarnings(_ assembled: [TensorAssembly.Assembled]) -> [ConversionWarning] {
    var warnings: [ConversionWarning] = []
    let widened = request.type == .keep ? assembled.filter(\.isWidened) : []
    if !widened.isEmpty {
      warnings.append(
        .widened(
          tensors: widened.count, from: widened.reduce(0) { $0 + $1.scaledBytes },
          to: widened.reduce(0) { $0 + $1.tensor.byteCount }))
    }
    let fallbacks = assembled.count { $0.isFallback }
    if fallbacks > 0 { warnings.append(.otherTypes(tensors: fallbacks)) }
    let unknown = assembled.count { $0.lacksImportance }
    if unknown > 0 { warnings.append(.withoutImportance(tensors: unknown)) }
    return warnings
  }
}
