import Base

/// The names that files of a model have in a Hugging Face folder.
package enum ModelFolder {
  /// What makes a folder, or a safetensors file, a model.
  package static let configuration = "config.json"
  /// How a model writes on: tokens that end a text, and how tokens are drawn.
  package static let generation = "generation_config.json"
  /// The weights' one file.
  static let weights = "model.safetensors"
  /// What makes a folder an adapter of another model.
  package static let adapter = "adapter_config.json"
  /// The vocabulary with its merges and rules, as transformers' fast tokenizers write it.
  package static let tokenizer = "tokenizer.json"
  /// What a tokenizer does beside cutting texts.
  package static let tokenizerConfiguration = "tokenizer_config.json"
  /// A chat template as a file of its own.
  package static let chatTemplate = "chat_template.jinja"
  /// The names of special tokens, in folders of older tools.
  package static let specialTokens = "special_tokens_map.json"
  private static let addedTokens = "added_tokens.json"

  /// Files beside weights and configuration that decide which tokens a text has, and how a model
  /// writes on: a GGUF file has these facts in its metadata.
  static let statements = [
    generation, tokenizer, tokenizerConfiguration, specialTokens,
    addedTokens, chatTemplate, "vocab.json", "merges.txt", "tokenizer.model",
  ]

  /// Files beside weights and configuration that go along unchanged.
  package static let companions =
    statements + ["LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE"]

  /// The most bytes of a file beside the weights: what is made of it in memory takes many times as
  /// many. Nil for files whose bytes stay where they are.
  static func byteLimit(of name: String) -> Int? {
    switch name {
    case configuration, generation, adapter: 4 << 20
    case tokenizerConfiguration, specialTokens, addedTokens: 32 << 20
    case SafetensorsIndex.name: 64 << 20
    case _ where companions.contains(name): 128 << 20
    default: nil
    }
  }

  /// The most memory, in bytes, that the values of a file of JSON may take: what the largest files
  /// of a name need, twice and more. 64 MiB are 78,000 empty objects or 500,000 numbers.
  static func memoryLimit(of name: String) -> Int {
    switch name {
    case configuration, generation, adapter: 64 << 20
    // An added token takes some 3 KB.
    case tokenizerConfiguration, specialTokens, addedTokens: 512 << 20
    // 500,000 tokens and as many merges take 450 MB, 500,000 names of tensors 320 MB.
    default: JSONValue.memoryLimit
    }
  }

  /// Whether a file of this name belongs to a model that this program wrote, or that it reads.
  package static func isModelFile(_ name: String) -> Bool {
    name == configuration || name == weights || name == SafetensorsIndex.name
      || companions.contains(name)
      || SafetensorsIndex.isShardName(name)
      || name.wholeMatch(of: /(configuration|modeling|rotation)_ropeconv\.py/) != nil
  }

  /// Files of an older model in a folder that a new one of these names does not have: they would be
  /// read with it, or in its place.
  static func stale(in folder: String, besides names: [String]) -> [String] {
    (folderNames(folder) ?? []).filter { isModelFile($0) && !names.contains($0) }
  }

  /// Weights that a new config.json of a folder would describe in the old one's place, though it is
  /// none of theirs; without a config.json there nothing describes them.
  ///
  /// - Parameters:
  ///   - files: the folder's files.
  ///   - names: those that the new output replaces or removes.
  /// - Returns: another `.safetensors` file, the first by its name; nil where there is none.
  static func weightsDescribed(in files: FileSet, besides names: [String]) -> String? {
    guard files.contains(configuration) else { return nil }
    return (files.names ?? []).sorted().first { name in
      // Hidden files are on their way to a name of their own, or nobody's weights.
      !names.contains(name) && !name.hasPrefix(".") && name.lowercased().hasSuffix(".safetensors")
        && FileStamp(path: files.path(of: name))?.isRegular == true
    }
  }

  /// Paths of all files that opening a model at a path may read, by their names alone: nothing is
  /// opened. A path where nothing stands gives itself.
  package static func inputPaths(of path: String) -> [String] {
    if FileStamp(path: path)?.isFolder == true {
      let files = FileSet(folder: path)
      let names = files.names ?? []
      let isGGUF = !names.contains(configuration)
      return [path]
        + names.filter {
          isModelFile($0) || $0.hasSuffix(".safetensors") || isGGUF && $0.hasSuffix(".gguf")
        }.map(files.path(of:))
    }
    let files = FileSet(beside: path)
    let name = Paths.name(of: path)
    if name.lowercased().hasSuffix(".safetensors") {
      return [path]
        + ([configuration] + companions).filter(files.contains).map(files.path(of:))
    }
    if let shard = Shards.parse(name) {
      let set = (files.names ?? []).filter { other in
        Shards.parse(other).map { $0.stem == shard.stem && $0.count == shard.count } ?? false
      }
      return [path] + set.map(files.path(of:))
    }
    return [path]
  }
}
