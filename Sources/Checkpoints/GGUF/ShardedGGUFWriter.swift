import Base
import OrderedCollections

/// Writes a model as several GGUF files, as llama-gguf-split lays them out:
/// NAME-00001-of-0000N.gguf and so on, the metadata in the first.
package enum ShardedGGUFWriter {
  /// The paths of `count` shards of NAME.gguf.
  package static func paths(of path: String, count: Int) -> [String] {
    let stem = path.hasSuffix(".gguf") ? String(path.dropLast(".gguf".count)) : path
    return (0..<count).map { stem + Shards.suffix(number: $0, count: count) }
  }

  /// Refuses shards that could not be created.
  /// - Throws: `FileError.output`.
  package static func check(
    _ path: String, count: Int, byteCount: Int, force: Bool, inputs: OutputInputs
  ) throws(FileError) {
    for path in paths(of: path, count: count) {
      try OutputTarget(path: path, force: force, inputs: inputs, sources: [])
        .checkFile(byteCount: byteCount)
    }
  }

  /// Writes the shards to a hidden folder beside them and renames each, the first one last: the set
  /// opens only once it is whole. Then sets of another size that this program wrote under the name
  /// go, where `force` is true. The same arguments give the same bytes.
  ///
  /// - Parameters:
  ///   - path: NAME.gguf.
  ///   - metadata: keys and values of the first shard, in the order of the file.
  ///   - shards: the tensors of each file.
  ///   - force: whether existing files are replaced.
  ///   - inputs: paths that must not be an output, nor any link to it.
  ///   - progress: called with the bytes written so far.
  /// - Returns: the bytes of all files.
  /// - Throws: `FileError.output`, and what a tensor's `computed` throws.
  @discardableResult
  package static func write(
    to path: String, metadata: OrderedDictionary<String, MetadataValue>,
    shards: [[OutputTensor]], force: Bool, inputs: OutputInputs, progress: ((Int) -> Void)? = nil
  ) throws -> Int {
    try write(
      to: path, metadata: GGUFWriter.LateMetadata(early: metadata, final: nil), shards: shards,
      force: force, inputs: inputs, progress: progress)
  }

  /// The same for metadata of which some values are known only when the tensors are written.
  @discardableResult
  package static func write(
    to path: String, metadata: GGUFWriter.LateMetadata, shards: [[OutputTensor]], force: Bool,
    inputs: OutputInputs, progress: ((Int) -> Void)? = nil
  ) throws -> Int {
    let paths = paths(of: path, count: shards.count)
    try checkCount(shards, path)
    let layouts = try shards.indices.map { number in
      let shard = statements(of: number, shards)
      return try GGUFLayout(
        metadata: number == 0
          ? metadata.adding(shard) : GGUFWriter.LateMetadata(early: shard, final: nil),
        tensors: shards[number], path: paths[number])
    }
    let size = (layouts as [any FileLayout]).totalByteCount
    for (path, layout) in zip(paths, layouts) {
      try OutputTarget(path: path, force: force, inputs: inputs, sources: layout.sources)
        .checkFile(byteCount: size)
    }
    let names = paths.map(Paths.name(of:))
    let older =
      force
      ? OldShards(
        of: path, besides: shards.count, inputs: inputs, sources: layouts.flatMap(\.sources)) : nil
    var staging = try StagingFolder(
      for: OutputTarget(path: paths[0], force: force, inputs: inputs, sources: []), key: paths[0])
    var total = 0
    for (name, layout) in zip(names, layouts) {
      total += try layout.write(
        to: staging.file(name), force: false, inputs: [], isStaged: true,
        progress: { progress?(total + $0) })
    }
    try staging.release(names.reversed(), replacing: older)
    return total
  }

  /// The same files by their names, to go into an archive: NAME.gguf itself where there is one shard.
  /// - Throws: `FileError.output` for more shards than there are numbers.
  package static func files(
    of name: String, metadata: OrderedDictionary<String, MetadataValue>, shards: [[OutputTensor]]
  ) throws(FileError) -> [(String, FileContents)] {
    guard shards.count != 1 else { return [(name, .gguf(metadata: metadata, tensors: shards[0]))] }
    try checkCount(shards, name)
    return zip(paths(of: name, count: shards.count), shards).enumerated().map { number, shard in
      let own = statements(of: number, shards)
      return (
        shard.0,
        .gguf(metadata: number == 0 ? metadata.merging(own) { $1 } : own, tensors: shard.1)
      )
    }
  }

  private static func checkCount(
    _ shards: [[OutputTensor]], _ path: String
  ) throws(FileError) {
    guard shards.count > 1, shards.count <= Int(UInt16.max) else {
      throw .output(
        .notStorable(problem: "\(shards.count) shards, expected 2 to \(UInt16.max)"), file: path,
        place: .whole)
    }
  }

  /// What a shard, counted from 0, says of itself.
  private static func statements(
    of number: Int, _ shards: [[OutputTensor]]
  ) -> OrderedDictionary<String, MetadataValue> {
    let tensors = shards.reduce(0) { $0 + $1.count }
    return [
      Shards.numberKey: .uint16(UInt16(number)), Shards.countKey: .uint16(UInt16(shards.count)),
      Shards.tensorCountKey: .int32(Int32(clamping: tensors)),
    ]
  }
}
