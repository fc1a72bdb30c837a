import Base
import Checkpoints
import Evaluation
import Foundation
import Models
import OrderedCollections
import Tensors
import Vocabulary

extension ConversionPlan {
  /// The type most matrices have, as config.json and GGUF's file type state it.
  var mainType: ElementType {
    var bytes: [ElementType: Int] = [:]
    for tensor in tensors where tensor.shape.count > 1 {
      bytes[tensor.type, default: 0] += tensor.byteCount
    }
    return bytes.max { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) }?.key ?? .f32
  }

  private var hasMicroscaledTensors: Bool { tensors.contains { $0.type == .mxfp4 } }

  private var fileType: UInt32 {
    if case .mix(let mix, _) = request.type { return mix.fileType }
    // As the ecosystem's converter states it, however few experts there are.
    if hasMicroscaledTensors { return QuantizationMix.mxfp4_moe.fileType }
    // Of other types it says what ggml calls all float32.
    return mainType.facts.ofModel?.fileType ?? 0
  }

  /// Settings that decide the result, as one line for the provenance.
  var settings: String {
    var parts = ["sites=\(sites.name)"]
    if let pairs = request.valuePairs { parts.append("value-pairs=\(pairs)") }
    if let counts = request.valuePairsByLayer {
      parts.append("value-pairs=" + counts.map(String.init).joined(separator: ","))
    }
    if let base = request.valueBase { parts.append("value-base=\(base)") }
    if !absorbed.isEmpty {
      parts.append("absorb=" + absorbed.map(\.identity.rawValue).joined(separator: ","))
    }
    if let type = request.type.setting { parts.append("type=\(type)") }
    if let file = request.importance?.file { parts.append("imatrix=\(Paths.name(of: file.path))") }
    parts += fitProvenance.settings
    return parts.joined(separator: " ")
  }

  /// What is made of the fitted weights before they are written, so that a header can hold it; nil
  /// where they are not known to be a fit's, or absorbed latent attention has none of their own.
  private func fitDigest() throws -> String? {
    guard fitProvenance.isKnown, !absorbed.contains(where: { $0.identity == .latent }) else {
      return nil
    }
    return try LongPhase.run("hashing the fitted weights") {
      try FitDigest.of(fittable, name: \.name) { try $0.numbers() }
    }
  }

  /// Writes the output.
  /// - Parameters:
  ///   - version: the program's version, for the provenance.
  ///   - report: what is known of the conversion before it is written, for an archive's manifest.
  ///   - progress: called with the bytes written so far.
  /// - Returns: bytes written.
  /// - Throws: what reading the source and writing the output throw.
  package func write(
    version: String, report: OrderedDictionary<String, JSONValue> = [:],
    progress: (@Sendable (Int) -> Void)? = nil
  ) throws -> Int {
    if request.threads > 1 { digest.begin() }
    let inputs = inputs
    let fitted = try fitDigest()
    switch container {
    case .gguf:
      // The digest is in the header but need not be known before the tensors are written.
      let early = try metadata(provenance(version, fitted: fitted, isEarly: true))
      let header = GGUFWriter.LateMetadata(early: early) { [self] in
        let known = try provenance(version, fitted: fitted)
        var final = early
        // An edit may have put another value there.
        for (key, hash) in [
          (OwnKeys.Provenance.source.key, known.sourceHash),
          (OwnKeys.Provenance.weights.key, known.weightsHash ?? known.sourceHash),
        ] where final[key]?.string == SourceDigest.placeholder {
          final[key] = .string(hash)
        }
        return final
      }
      guard shards.count > 1 else {
        let sets =
          request.force && request.shardSize != nil
          ? OldShards(of: request.output, besides: 1, inputs: inputs) : nil
        return try GGUFWriter.write(
          to: request.output, metadata: header, tensors: tensors, force: request.force,
          inputs: inputs, replacing: sets, progress: progress)
      }
      return try ShardedGGUFWriter.write(
        to: request.output, metadata: header, shards: shards, force: request.force,
        inputs: inputs, progress: progress)
    case .safetensors:
      return try writeSafetensors(
        version: version, fitted: fitted, inputs: inputs, progress: progress)
    case .folder:
      let provenance = try provenance(version, fitted: fitted)
      return try FolderWriter.write(
        to: request.output, configuration: configuration(provenance), tensors: tensors,
        extraFiles: companionFiles(provenance), shardSize: request.shardSize,
        force: request.force, inputs: inputs, progress: progress)
    case .archive:
      return try writeArchive(
        provenance(version, fitted: fitted), report: report, inputs: inputs, progress: progress)
    }
  }

  /// The source's hash, which is waited for: it is computed while the tensors are written, or before a
  /// container whose first bytes hold it.
  /// - Throws: what `SourceDigest.value` throws.
  private func sourceHash() throws -> String {
    try LongPhase.run("hashing \(source.checkpoint.path)") { try digest.value() }
  }

  /// What the edits do to what goes in beside the tensors.
  /// - Throws: `ConversionError.setting` for a key that cannot be set or removed.
  func editChanges() throws -> [MetadataEdits.Change] {
    guard request.edits != .none else { return [] }
    let nothing = Provenance(version: "", sourceHash: "", weightsHash: nil, fitted: nil)
    let known = KnownKeys(architecture: source.architecture, modelType: writtenModelType)
    if side == .gguf {
      return request.edits.changes(
        from: try unedited(nothing), to: try metadata(nothing),
        architecture: source.architecture.name, known: known)
    }
    // What cannot be read is refused.
    _ = try configuration(nothing)
    let unedited = try uneditedConfiguration(nothing)
    let edited = try request.edits.apply(to: unedited, spellings: spellings)
    return request.edits.changes(
      from: unedited, to: edited.configuration, besides: edited.besides, known: known)
  }

  /// The tokenizer that readers make of the output, where its container states one in another way
  /// than the source's; nil elsewhere, and where there is none.
  /// - Throws: what stating it throws.
  func outputTokenizer() throws -> Tokenizer? {
    guard side != source.side else { return nil }
    guard side == .gguf else {
      return try Tokenizer.load(from: source.checkpoint)?.withListedMerges
    }
    let nothing = Provenance(version: "", sourceHash: "", weightsHash: nil, fitted: nil)
    let metadata = try metadata(nothing)
    return metadata[TokenizerKey.model] == nil
      ? nil : try Tokenizer(gguf: metadata, file: request.output)
  }

  /// The type that decides what is read of the output's config.json; nil of a variant, which is
  /// read by code of ours.
  private var writtenModelType: String? { declaration == nil ? source.modelType : nil }

  private var spellings: RotarySpellings {
    RotarySpellings(architecture: source.architecture, modelType: writtenModelType)
  }

  /// Where an output comes from.
  private struct Provenance {
    let version: String
    /// SHA-256 of the model, as results of evaluations state it.
    let sourceHash: String
    /// SHA-256 of its weights, where the model's is of more.
    let weightsHash: String?
    /// What `fitDigest` gives.
    let fitted: String?
  }

  /// Where the output comes from; the source's hashes are waited for, or `isEarly`, what stands in
  /// their places.
  private func provenance(
    _ version: String, fitted: String?, isEarly: Bool = false
  ) throws -> Provenance {
    let hash = try isEarly ? SourceDigest.placeholder : sourceHash()
    let ofWeights =
      try digest.coversConfiguration ? (isEarly ? hash : digest.ofWeights()) : nil
    return Provenance(version: version, sourceHash: hash, weightsHash: ofWeights, fitted: fitted)
  }

  // MARK: - Containers

  private func writeSafetensors(
    version: String, fitted: String?, inputs: OutputInputs, progress: (@Sendable (Int) -> Void)?
  ) throws -> Int {
    func text(isEarly: Bool) throws -> String {
      try configuration(provenance(version, fitted: fitted, isEarly: isEarly))
        .serialized(pretty: true) + "\n"
    }
    // What cannot be stated is refused before anything is written.
    _ = try text(isEarly: true)
    return try PairWriter.write(
      to: request.output, tensors: tensors, configuration: { try text(isEarly: false) },
      force: request.force, inputs: inputs, progress: progress)
  }

  /// One GGUF file at the top level, or the files of a Hugging Face folder under one folder.
  private func writeArchive(
    _ provenance: Provenance, report: OrderedDictionary<String, JSONValue>, inputs: OutputInputs,
    progress: (@Sendable (Int) -> Void)?
  ) throws -> Int {
    let stem = ArchiveKind.split(request.output)?.stem ?? "model"
    var members: [(String, FileContents)]
    switch source.side {
    case .gguf:
      members = try ShardedGGUFWriter.files(
        of: "\(stem).gguf", metadata: try metadata(provenance), shards: shards)
    case .huggingface:
      let text = try configuration(provenance).serialized(pretty: true) + "\n"
      members = [(ModelFolder.configuration, .bytes(Array(text.utf8)))]
      members += FolderWriter.weightFiles(tensors, request.shardSize)
      members += try companionFiles(provenance)
    }
    var origin: OrderedDictionary<String, JSONValue> = [
      "name": .string(URL(fileURLWithPath: source.checkpoint.path).lastPathComponent),
      "sha256": .string(provenance.sourceHash),
    ]
    origin[OwnKeys.weightsHash] = provenance.weightsHash.map { .string($0) }
    var fields: OrderedDictionary<String, JSONValue> = [
      "ropeconv": .string(provenance.version), "source": .object(origin),
      "settings": .string(settings),
    ]
    fields["conversion"] = .object(report)
    return try ArchiveWriter.write(
      to: request.output, folder: source.side == .gguf ? nil : stem, members: members,
      manifest: fields, force: request.force, inputs: inputs, threads: request.threads,
      progress: progress)
  }

  // MARK: - What goes in beside the tensors

  private func metadata(
    _ provenance: Provenance
  ) throws -> OrderedDictionary<String, MetadataValue> {
    let unedited = try unedited(provenance)
    var metadata = unedited
    try request.edits.apply(to: &metadata, architecture: source.architecture.name)
    if request.edits != .none {
      do {
        try Tokenizer.check(gguf: metadata, file: request.output)
      } catch {
        throw ConversionError.setting(.unreadableTokenizer(reason: Self.reason(error)))
      }
      func stating(_ metadata: OrderedDictionary<String, MetadataValue>) -> Checkpoint {
        source.checkpoint.restated(as: .gguf(version: 3), metadata: metadata)
      }
      try checkReadable(
        stating(metadata), unedited: stating(unedited),
        divisors: GGUFMetadata(plan: source).divisors())
    }
    return metadata
  }

  /// What an edit made of the statements must still be read: a scaling of factor 0 is never
  /// written. Where the container is another, its tensors have names that no file has yet. A table
  /// of values' frequencies, which is made of the source, must not stay behind the edit.
  private func checkReadable(
    _ edited: Checkpoint, unedited: Checkpoint, divisors: OrderedDictionary<Role, [Float]> = [:]
  ) throws {
    let isOfSource = side == source.side
    func statements(_ checkpoint: Checkpoint) throws -> ModelStatements {
      try ModelStatements(
        checkpoint, in: source.catalog, divisors: isOfSource ? [:] : divisors)
    }
    do {
      if isOfSource {
        _ = try ModelPlan(edited, keepsExtra: true, in: source.catalog)
      } else {
        try statements(edited).checkDeclaration(edited)
      }
    } catch let error as any Diagnostic {
      throw ConversionError.setting(.unreadableModel(reason: Self.reason(error)))
    }
    guard let values = declaration?.value, !values.followsScaling,
      let before = try? statements(unedited).scores, let after = try? statements(edited).scores,
      before != after
    else { return }
    throw ConversionError.setting(.valuesBehindEdit)
  }

  private static func reason(_ error: any Diagnostic) -> String {
    (error.place.map { "\($0): " } ?? "") + error.summary
  }

  /// Tensors that go along without a task in the model: readers must know them from a fault.
  private var extraTensors: [String] { request.keepsExtra ? source.ignored.map(\.name) : [] }

  private func unedited(
    _ provenance: Provenance
  ) throws -> OrderedDictionary<String, MetadataValue> {
    var fields: OrderedDictionary<String, MetadataValue> = [
      OwnKeys.Provenance.version.key: .string(provenance.version),
      OwnKeys.Provenance.source.key: .string(provenance.sourceHash),
      OwnKeys.Provenance.settings.key: .string(settings),
    ]
    fields[OwnKeys.Provenance.weights.key] = provenance.weightsHash.map { .string($0) }
    for (key, value) in fitProvenance.metadata(weights: provenance.fitted) { fields[key] = value }
    if !extraTensors.isEmpty {
      fields[OwnKeys.extraTensorsKey] = .array(.strings(extraTensors))
    }
    let builder = GGUFMetadata(plan: source, declaration: declaration, provenance: fields)
    var metadata: OrderedDictionary<String, MetadataValue>
    switch source.side {
    case .gguf:
      metadata = builder.fromGGUF()
      if request.type != .keep { metadata[GeneralKey.fileType] = .uint32(fileType) }
    case .huggingface:
      let tokenizer = try Tokenizer.load(from: source.checkpoint)
      var keys = try tokenizer?.ggufMetadata(vocabularySize: source.shape.vocabulary) ?? [:]
      keys.merge(tokenizer?.unnamedMetadata(of: source.checkpoint) ?? [:]) { $1 }
      keys.merge(try tokenizer?.endMetadata(of: source.checkpoint) ?? [:]) { $1 }
      metadata = try builder.fromHuggingFace(tokenizer: keys, fileType: fileType)
      metadata.merge(try SamplingDefaults.metadata(of: source.checkpoint)) { $1 }
    }
    if let importance = request.importance {
      for (key, value) in importance.statements { metadata[key] = value }
    }
    var hasBlocks = source.side == .huggingface && hasMicroscaledTensors
    if case .mix = request.type { hasBlocks = true }
    if hasBlocks {
      metadata[GeneralKey.quantizationVersion] = .uint32(QuantizationMix.layoutVersion)
    }
    return metadata
  }

  private func configuration(_ provenance: Provenance) throws -> JSONValue {
    let unedited = try uneditedConfiguration(provenance)
    let configuration = try request.edits.apply(to: unedited, spellings: spellings).configuration
    if request.edits != .none {
      try checkReadable(
        source.checkpoint.restated(as: .safetensors, configuration: configuration),
        unedited: source.checkpoint.restated(as: .safetensors, configuration: unedited))
    }
    return configuration
  }

  private func uneditedConfiguration(_ provenance: Provenance) throws -> JSONValue {
    var fields: OrderedDictionary<String, JSONValue> = [
      OwnKeys.Provenance.version.member: .string(provenance.version),
      OwnKeys.Provenance.source.member: .string(provenance.sourceHash),
      OwnKeys.Provenance.settings.member: .string(settings),
    ]
    fields[OwnKeys.Provenance.weights.member] = provenance.weightsHash.map { .string($0) }
    fields[OwnKeys.Fit.object] = fitProvenance.json(weights: provenance.fitted)
    if !extraTensors.isEmpty {
      fields[OwnKeys.extraTensors] = .array(extraTensors.map { .string($0) })
    }
    let builder = HuggingFaceConfiguration(
      plan: source, declaration: declaration, modeling: companions?.modeling, provenance: fields,
      elementType: mainType, keepsExtra: request.keepsExtra)
    let configuration =
      try source.checkpoint.configuration.map { builder.fromHuggingFace($0) } ?? builder.fromGGUF()
    return ScaledWeights.restated(
      CodeReferences.removed(from: configuration) ?? configuration, for: tensors)
  }

  /// Code, tokenizer, generation settings and model card.
  private func companionFiles(_ provenance: Provenance) throws -> [(String, FileContents)] {
    let card = try modelCard(
      version: provenance.version, hash: provenance.sourceHash, MeasuredPerplexities())
    return try companions?.files(card: card) ?? []
  }
}
