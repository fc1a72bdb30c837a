import Base

extension Checkpoint {
  /// Weights that lie beside those that are read and have no part in the model, as sentences.
  package var unreadWeights: [String] {
    guard let companions else { return [] }
    var sentences: [String] = []
    if companions.contains(ModelFolder.adapter) {
      sentences.append(
        "\(companions.path(of: ModelFolder.adapter)): the adapter is not applied: this is the model"
          + " without it (transformers applies it where peft is installed)")
    }
    // The order of transformers too: the one file first.
    let names = files.map { Paths.name(of: $0.path) }
    if names == [ModelFolder.weights], companions.contains(SafetensorsIndex.name) {
      sentences.append(
        "\(companions.path(of: SafetensorsIndex.name)): its shards are not read: \(names[0]) beside"
          + " them is the model, for transformers too")
    }
    return sentences
  }
}
