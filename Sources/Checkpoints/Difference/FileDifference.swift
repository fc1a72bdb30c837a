import Base

/// What differs among the files beside the weights that decide which tokens a text has, and how a model
/// writes on (`ModelFolder.statements`). Licences, model cards and code are not compared.
package struct FileDifference: Sendable {
  /// A file whose contents differ: the SHA-256 of each side's, nil where a side lacks it.
  package struct Entry: Sendable, Equatable {
    package let name: String
    package let one: String?
    package let other: String?
  }

  package private(set) var different: [Entry] = []
  /// Files that both have and that say the same: of JSON the values count, not their order in an object
  /// or how they are spaced.
  package private(set) var equal: [String] = []
  /// Files of one side where the other has none of these at all: a safetensors file without a tokenizer,
  /// say, which is not known to be of another model for that.
  package private(set) var notCompared: [String] = []

  /// - Parameters:
  ///   - one: the files of the first model; nil for GGUF, whose metadata hold it all.
  ///   - other: those of the second one.
  /// - Throws: what opening a file throws.
  init(_ one: FileSet?, _ other: FileSet?) throws(FileError) {
    let (ours, theirs) = (Self.names(one), Self.names(other))
    guard !ours.isEmpty, !theirs.isEmpty, let one, let other else {
      notCompared = ours + theirs
      return
    }
    for name in ModelFolder.statements {
      let a = ours.contains(name) ? try one.open(name) : nil
      let b = theirs.contains(name) ? try other.open(name) : nil
      guard a != nil || b != nil else { continue }
      if let a, let b, Self.hasSameBytes(a, b) || Self.saySame(name, one, other) {
        equal.append(name)
      } else {
        different.append(
          Entry(
            name: name, one: try a.map(Self.digest), other: try b.map(Self.digest)))
      }
    }
  }

  private static func digest(_ file: MappedFile) throws(FileError) -> String {
    try SourceHash.sha256([file])
  }

  private static func names(_ files: FileSet?) -> [String] {
    files.map { files in ModelFolder.statements.filter { files.contains($0) } } ?? []
  }

  private static func hasSameBytes(_ one: MappedFile, _ other: MappedFile) -> Bool {
    one.size == other.size
      && one.withBytes(0..<one.size) { a in
        other.withBytes(0..<other.size) { b in a.elementsEqual(b) }
      }
  }

  /// Whether both are JSON of the same values; false for other files, and for what cannot be read.
  private static func saySame(_ name: String, _ one: FileSet, _ other: FileSet) -> Bool {
    guard name.hasSuffix(".json"), let a = try? one.json(name), let b = try? other.json(name)
    else { return false }
    return a.saysSame(as: b)
  }
}

extension JSONValue {
  /// Whether two values are the same, in whatever order objects have their members and however a
  /// number is written.
  fileprivate func saysSame(as other: JSONValue) -> Bool {
    switch (self, other) {
    case (.object(let one), .object(let other)):
      return one.count == other.count
        && one.allSatisfy { member in other[member.key]?.saysSame(as: member.value) ?? false }
    case (.array(let one), .array(let other)):
      return one.count == other.count && zip(one, other).allSatisfy { $0.saysSame(as: $1) }
    case (.members(let one), .members(let others)):
      return one.count == others.count
        && one.allSatisfy { member in other[member.key]?.saysSame(as: member.value) ?? false }
    case (.number, _), (_, .number):
      // 1 and 1.0 are one number.
      return double == other.double
    default:
      // Two integers are told apart as they stand, also those that a double would round.
      return self == other
    }
  }
}
