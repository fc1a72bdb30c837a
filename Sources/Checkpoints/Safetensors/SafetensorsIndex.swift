import Base
import OrderedCollections

/// `model.safetensors.index.json`: which shard holds which tensor.
struct SafetensorsIndex {
  static let name = "model.safetensors.index.json"

  /// The name of a shard, counted from 0.
  static func shardName(number: Int, count: Int) -> String {
    shardStem + Shards.ending(number: number, count: count) + shardEnding
  }

  /// Whether a file of this name is one of several with a model's weights, as we and others name
  /// them.
  static func isShardName(_ name: String) -> Bool {
    Shards.parse(name, fileEnding: shardEnding)?.stem == shardStem
  }

  private static let shardStem = "model"
  private static let shardEnding = ".safetensors"

  /// Shard names in the order they first appear.
  let shards: [String]
  /// The shard of each tensor.
  let shardOfTensor: OrderedDictionary<String, String>
  let path: String

  init(in files: FileSet) throws(FileError) {
    let path = files.path(of: Self.name)
    let value = try files.json(Self.name, wideIntegers: .refused)
    guard let map = value["weight_map"]?.members else {
      throw .folder(
        .malformedIndex(problem: "expected an object 'weight_map'"), file: path, place: .whole)
    }
    var shards: OrderedSet<String> = []
    var shardOfTensor: OrderedDictionary<String, String> = [:]
    for member in map {
      let place = ErrorPlace.tensor(member.key, byte: nil)
      guard let shard = member.value.string else {
        throw .folder(
          .malformedIndex(problem: "expected the name of a file"), file: path, place: place)
      }
      guard Paths.isPlainName(shard) else {
        throw .folder(.unsafeShardName(found: shard), file: path, place: place)
      }
      shards.append(shard)
      shardOfTensor[member.key] = shard
    }
    self.shards = Array(shards)
    self.shardOfTensor = shardOfTensor
    self.path = path
  }

  /// Opens the shards and checks that they and the index name the same tensors.
  func open(in files: FileSet) throws(FileError) -> [SafetensorsHeader] {
    var headers: [SafetensorsHeader] = []
    var found: [String: String] = [:]
    for shard in shards {
      guard files.contains(shard) else {
        throw .folder(.shardMissing(name: shard), file: path, place: .whole)
      }
      let header = try SafetensorsHeader(reading: files.open(shard))
      for tensor in header.tensors.values {
        let place = ErrorPlace.tensor(tensor.name, byte: nil)
        if let first = found.updateValue(shard, forKey: tensor.name) {
          throw .folder(
            .tensorInTwoShards(first: first, second: shard), file: path, place: place)
        }
      }
      headers.append(header)
    }
    for (header, shard) in zip(headers, shards) {
      for tensor in header.tensors.values where shardOfTensor[tensor.name] != shard {
        throw .folder(
          .tensorNotInIndex(shard: shard), file: path, place: .tensor(tensor.name, byte: nil))
      }
    }
    for (tensor, shard) in shardOfTensor where found[tensor] == nil {
      throw .folder(
        .tensorNotInShard(shard: shard), file: path, place: .tensor(tensor, byte: nil))
    }
    return headers
  }
}
