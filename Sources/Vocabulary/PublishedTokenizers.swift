import Base

/// Published tokenizers by the ids that they give one text (`formats/tokenizers/published.json`): so
/// the ecosystem's converter knows which name of `tokenizer.ggml.pre` to write.
package struct PublishedTokenizers: Sendable {
  package enum Key: String, CaseIterable { case text, names }

  /// The text that is tokenized.
  package let text: String
  /// By each name, the digests of the ids.
  private let digests: [(name: String, digests: [String])]

  private static let file = "tokenizers/published.json"

  static func read() throws -> PublishedTokenizers { try read(FormatResources.json(file)) }

  /// Reads what the data file holds.
  package static func read(_ json: JSONValue) throws(FormatError) -> PublishedTokenizers {
    let top = try StrictObject<Key>(json, file: file, place: "")
    var digests: [(String, [String])] = []
    for (name, value) in try top.members(.names) {
      guard let list = value.array, case let texts = list.compactMap(\.string),
        texts.count == list.count
      else { throw top.failure(.names, "expected a list of digests for '\(name)'") }
      digests.append((name, texts))
    }
    return PublishedTokenizers(text: try top.string(.text), digests: digests)
  }

  /// The names of all entries.
  package var names: [String] { digests.map(\.name) }

  /// The names of tokenizers that give these ids.
  func names(of ids: [Int32]) -> [String] {
    let list = "[\(ids.map(String.init).joined(separator: ", "))]"
    let digest = SourceHash.sha256(text: list)
    return digests.filter { $0.digests.contains(digest) }.map(\.name)
  }
}
