import Base
import Checkpoints

/// The merges of a vocabulary: pairs of byte strings, best first.
struct MergeList: Sendable {
  /// Both parts of each pair without anything between them.
  private var pairs = ByteStrings()
  private var leftCounts: [Int] = []

  var count: Int { pairs.count }

  /// Appends a pair by both parts' bytes and the number of those of the first.
  mutating func append(_ both: [UInt8], leftCount: Int) {
    pairs.append(both)
    leftCounts.append(leftCount)
  }

  /// Calls `body` with both parts of a pair and with what it makes.
  @inline(__always)
  func withParts<R>(
    _ rank: Int,
    _ body: (
      UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>
    ) -> R
  ) -> R {
    pairs.bytes.withUnsafeBufferPointer { bytes in
      let both = UnsafeBufferPointer(rebasing: bytes[pairs.range(of: rank)])
      let (left, right) = (both[..<leftCounts[rank]], both[leftCounts[rank]...])
      return body(
        UnsafeBufferPointer(rebasing: left), UnsafeBufferPointer(rebasing: right), both)
    }
  }
}

extension MergeList {
  /// What is wrong with a list of merges.
  struct Fault: Error {
    let problem: String
  }

  /// Merges as GGUF stores them: two parts and a space between them.
  static func read(_ array: MetadataArray, isByteLevel: Bool) -> Result<MergeList, Fault> {
    var list = MergeList()
    list.pairs.reserveCapacity(count: array.count, bytes: array.byteCount)
    list.leftCounts.reserveCapacity(array.count)
    var fault: Fault?
    var both: [UInt8] = []
    array.forEachString { index, text in
      guard fault == nil else { return }
      guard let space = MergeText.space(in: text) else {
        let shown = String(decoding: text, as: UTF8.self)
        fault = Fault(problem: "entry \(index) is '\(shown)', expected two parts and a space")
        return
      }
      both.removeAll(keepingCapacity: true)
      MergeText.append(text[..<space], isByteLevel: isByteLevel, to: &both)
      let leftCount = both.count
      MergeText.append(text[(space + 1)...], isByteLevel: isByteLevel, to: &both)
      list.append(both, leftCount: leftCount)
    }
    return fault.map { .failure($0) } ?? .success(list)
  }

  /// Merges as pairs of texts.
  init(_ merges: [(String, String)], isByteLevel: Bool) {
    var both: [UInt8] = []
    for (left, right) in merges {
      both.removeAll(keepingCapacity: true)
      MergeText.append(left.utf8, isByteLevel: isByteLevel, to: &both)
      let leftCount = both.count
      MergeText.append(right.utf8, isByteLevel: isByteLevel, to: &both)
      append(both, leftCount: leftCount)
    }
  }
}

/// The text of a merge: two parts and a space between them.
enum MergeText {
  /// The index of the space. The parts hold no plain space but a first one may begin the text.
  static func space<Text: Collection<UInt8>>(in text: Text) -> Text.Index? {
    guard let space = text.dropFirst().firstIndex(of: 0x20),
      text.index(after: space) != text.endIndex
    else { return nil }
    return space
  }

  static func split(_ text: String) -> (String, String)? {
    guard let space = space(in: text.utf8) else { return nil }
    return (String(text[..<space]), String(text[text.utf8.index(after: space)...]))
  }

  /// Appends the bytes that a part stands for.
  static func append(_ part: some Collection<UInt8>, isByteLevel: Bool, to bytes: inout [UInt8]) {
    if !(isByteLevel && ByteAlphabet.decode(part, to: &bytes)) { bytes.append(contentsOf: part) }
  }
}
