import Base
import OrderedCollections

/// A model in several GGUF files, as llama-gguf-split writes it: NAME-00001-of-0000N.gguf, each
/// with `split.no` (from 0), `split.count` and `split.tensors.count`, the metadata in the first.
package enum Shards {
  static let numberKey = "split.no"
  static let countKey = "split.count"
  static let tensorCountKey = "split.tensors.count"

  /// How the name of a shard ends.
  static func suffix(number: Int, count: Int) -> String {
    ending(number: number, count: count) + ".gguf"
  }

  /// What stands before the extension of a shard's name, counted from 0.
  static func ending(number: Int, count: Int) -> String {
    "-\(fiveDigits(number + 1))-of-\(fiveDigits(count))"
  }

  /// Reads the name of a shard; what the file itself says is not looked at.
  /// - Parameters:
  ///   - name: a file's name without its folder.
  ///   - fileEnding: how the names of its format end.
  /// - Returns: what stands before the numbers, the shard's number from 0 and how many there are;
  ///   nil of other names.
  package static func parse(
    _ name: String, fileEnding: String = ".gguf"
  ) -> (stem: String, number: Int, count: Int)? {
    guard name.hasSuffix(fileEnding),
      let match = name.dropLast(fileEnding.count)
        .wholeMatch(of: /(?s)(.*)-([0-9]{5,})-of-([0-9]{5,})/),
      let number = Int(match.2), let count = Int(match.3)
    else { return nil }
    return (String(match.1), number - 1, count)
  }

  private static func fiveDigits(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }

  /// Shard number (from 0) and count; nil if the file is not a shard.
  private static func position(of header: GGUFHeader) throws(FileError) -> (Int, Int)? {
    guard header.metadata[countKey] != nil || header.metadata[numberKey] != nil else { return nil }
    let count = try integer(countKey, in: header, default: 0)
    let number = try integer(numberKey, in: header, default: 0)
    // gguf-split counts files in 16 bits; a count of 0 or 1 is a whole model.
    guard number < max(count, 1) else {
      throw .gguf(
        .shardNumber(found: number, count: count), file: header.file.path,
        place: .key(numberKey, byte: nil))
    }
    return count > 1 ? (number, count) : nil
  }

  private static func integer(
    _ key: String, in header: GGUFHeader, default fallback: Int
  ) throws(FileError) -> Int {
    guard let value = header.metadata[key] else { return fallback }
    guard let number = value.int, number >= 0 else {
      throw .gguf(.splitKeyType, file: header.file.path, place: .key(key, byte: nil))
    }
    return number
  }

  /// All shards of the set whose first one is given; the file alone if it is not a shard.
  static func all(
    from first: GGUFHeader, in files: FileSet
  ) throws(FileError) -> [GGUFHeader] {
    let path = first.file.path
    guard let (number, count) = try position(of: first) else { return [first] }
    guard number == 0 else {
      throw .gguf(
        .notFirstShard(number: number, count: count), file: path,
        place: .key(numberKey, byte: nil))
    }
    let ending = suffix(number: 0, count: count)
    guard path.hasSuffix(ending) else {
      throw .gguf(.shardName(count: count), file: path, place: .key(countKey, byte: nil))
    }
    let stem = String(Paths.name(of: path).dropLast(ending.count))
    var headers = [first]
    for number in 1..<count {
      let name = stem + suffix(number: number, count: count)
      guard files.contains(name) else {
        throw .gguf(
          .shardMissing(number: number, count: count), file: files.path(of: name), place: .whole)
      }
      let header = try GGUFHeader(reading: files.open(name))
      try expect(number, numberKey, in: header)
      try expect(count, countKey, in: header)
      headers.append(header)
    }
    try checkTensors(of: headers)
    return headers
  }

  private static func expect(
    _ expected: Int, _ key: String, in header: GGUFHeader
  ) throws(FileError) {
    let found = try integer(key, in: header, default: -1)
    guard found == expected else {
      throw .gguf(
        .shardMismatch(expected: expected, found: found, key: key), file: header.file.path,
        place: .key(key, byte: nil))
    }
  }

  private static func checkTensors(of headers: [GGUFHeader]) throws(FileError) {
    var names: Set<String> = []
    for header in headers {
      for tensor in header.tensors where !names.insert(tensor.name).inserted {
        throw .gguf(
          .duplicateTensor, file: header.file.path, place: .tensor(tensor.name, byte: nil))
      }
    }
    guard let first = headers.first, first.metadata[tensorCountKey] != nil else { return }
    let expected = try integer(tensorCountKey, in: first, default: 0)
    guard expected == names.count else {
      throw .gguf(
        .shardTensorCount(expected: expected, found: names.count), file: first.file.path,
        place: .key(tensorCountKey, byte: nil))
    }
  }
}
