import Base

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Sets of shards that this program wrote under an output's name before, in another number of
/// files. The new files replace none of them, and they would stay as another model of the same
/// name.
package struct OldShards {
  private let target: OutputTarget
  /// Files of the new output: the set of as many is the new one.
  private let count: Int
  /// The first files of sets that were there when this began.
  private var before: [String: FileStamp] = [:]

  /// Sets beside a new output `path`, which is NAME.gguf, or the name that `count` shards are made
  /// of. None that holds an input is removed.
  package init(
    of path: String, besides count: Int, inputs: OutputInputs, sources: [MappedFile] = []
  ) {
    target = OutputTarget(path: path, force: true, inputs: inputs, sources: sources)
    self.count = count
    before = firstFiles()
  }

  /// Refuses to remove sets that another process has written since this one looked; both hold the
  /// folder's lock when they write.
  func checkAreAsBefore() throws(FileError) {
    let now = firstFiles()
    guard now.count == before.count,
      now.allSatisfy({ before[$0.key].map($0.value.isUnchanged(since:)) == true })
    else { throw target.fault(.changedMeanwhile) }
  }

  private func firstFiles() -> [String: FileStamp] {
    let files = FileSet(beside: target.path)
    let names = counts(in: files).compactMap { count -> String? in
      let name = stem + Shards.suffix(number: 0, count: count)
      // What is not ours, or an input, is never removed.
      guard header(name, in: files)?.metadata[GGUFKey.ownVersion] != nil,
        isNoInput(files.path(of: name))
      else { return nil }
      return name
    }
    let folder = Paths.folder(of: target.path)
    let stamps = names.map { ($0, FileStamp(linkItself: "\(folder)/\($0)")) }
    return Dictionary(uniqueKeysWithValues: stamps).compactMapValues { $0 }
  }

  /// Removes them, once the new output is in place, while its folder's lock is held. A set's first
  /// file goes last: until then the set cannot be opened, and is still known as one of ours if this
  /// stops.
  func remove() throws(FileError) {
    let sets = paths()
    for path in sets {
      let number = uninterrupted { unlink(path) }
      guard number == 0 || number == ENOENT else {
        throw .output(
          .systemError(operation: "unlink", reason: errorText(number)), file: path, place: .whole)
      }
    }
    if !sets.isEmpty { FolderFlush.afterRenaming(Paths.folder(of: target.path), of: target.path) }
  }

  /// Files of all sets, each set's from its last to its first; without sets that hold an input.
  private func paths() -> [String] {
    let files = FileSet(beside: target.path)
    return counts(in: files).flatMap { count in
      let set = (0..<count).map { stem + Shards.suffix(number: $0, count: count) }
      guard let first = header(set[0], in: files), isShard(first, 0, of: count),
        first.metadata[GGUFKey.ownVersion] != nil
      else { return [String]() }
      let ours = set.indices.reversed().filter { number in
        number == 0 || header(set[number], in: files).map { isShard($0, number, of: count) } == true
      }.map { files.path(of: set[$0]) }
      return ours.allSatisfy(isNoInput) ? ours : []
    }
  }

  /// What names of shards begin with.
  private var stem: String {
    let name = Paths.name(of: target.path)
    return name.hasSuffix(".gguf") ? String(name.dropLast(".gguf".count)) : name
  }

  /// How many shards sets of the name have, by the names of files; other than the new output's.
  private func counts(in files: FileSet) -> [Int] {
    let stem = stem
    let counts = (files.names ?? []).compactMap { name -> Int? in
      guard let shard = Shards.parse(name), shard.stem == stem, shard.count > 1,
        shard.count <= Int(UInt16.max), shard.count != count
      else { return nil }
      return shard.count
    }
    return Set(counts).sorted()
  }

  private func header(_ name: String, in files: FileSet) -> GGUFHeader? {
    guard files.contains(name) else { return nil }
    return try? GGUFHeader(reading: files.open(name))
  }

  private func isShard(_ header: GGUFHeader, _ number: Int, of count: Int) -> Bool {
    header.metadata[Shards.numberKey]?.int == number
      && header.metadata[Shards.countKey]?.int == count
  }

  private func isNoInput(_ path: String) -> Bool {
    let target = OutputTarget(
      path: path, force: true, inputs: target.inputs, sources: target.sources)
    return (try? target.checkIsNoInput()) != nil
  }
}
