import Base

/// What does not fit together among the files of a model folder.
public enum FolderFault: Fault {
  /// The folder has no config.json and not exactly one GGUF model.
  case noModel(ggufModels: Int)
  /// The folder has a config.json, but no safetensors weights.
  case noWeights
  /// The folder holds an adapter (LoRA and its kin), weights to add to those of another model.
  case adapter(base: String?)
  /// A download into the folder is not whole.
  case unfinishedDownload(found: String)
  /// There is no model, because a run that was replacing one was stopped: files of both wait in a folder.
  case halfReplaced(staged: String)
  /// The folder is a hub client's cache, which holds the model one level further down.
  case hubCache
  /// A file that goes into outputs is a link to a file elsewhere.
  case linkLeadsOut(target: String)
  /// config.json is not a JSON object.
  case configurationNotObject
  /// Two keys of config.json itself differ in their Unicode normalization alone.
  case equivalentKeys(key: String)
  /// config.json says that weights are stored in a way that is not read; nil where it names none.
  case unknownQuantization(method: String?)
  /// config.json states a size of blocks that is none.
  case quantizationBlock
  /// The scales of a weight are missing or do not fit it.
  case scales(names: [String], expected: [Int])
  /// The index has no `weight_map` object of strings.
  case malformedIndex(problem: String)
  /// The index names a file outside its folder, or not by a plain name.
  case unsafeShardName(found: String)
  /// The index names a shard that is absent.
  case shardMissing(name: String)
  /// The index places a tensor in a shard that does not hold it.
  case tensorNotInShard(shard: String)
  /// A shard holds a tensor that the index does not have.
  case tensorNotInIndex(shard: String)
  /// Two shards hold the same tensor.
  case tensorInTwoShards(first: String, second: String)

  /// What is wrong, in one line.
  public var summary: String {
    switch self {
    case .noModel(let count):
      (count == 0
        ? "the folder holds neither config.json nor a GGUF model"
        : "the folder holds \(count) GGUF models and no config.json")
        + ": expected a Hugging Face folder or exactly one GGUF model"
    case .noWeights: "the folder has neither model.safetensors nor model.safetensors.index.json"
    case .adapter(let base):
      "the folder holds an adapter (LoRA)\(base.map { " for \(quoted($0))" } ?? ""), not a model"
    case .unfinishedDownload(let found):
      "the folder's download is not finished: \(quoted(found))"
    case .halfReplaced(let staged):
      "holds no model: a run that was replacing it was stopped; files of the old and of the new one"
        + " wait in \(quoted(staged))"
    case .hubCache: "is a cache of downloads: the model is in a folder below it"
    case .linkLeadsOut(let target):
      "is a link out of the model's folder, to \(quoted(target)): what is copied must lie in it"
    case .configurationNotObject: "is not a JSON object"
    case .equivalentKeys(let key):
      "has two keys \(quoted(key)) that differ in their Unicode normalization alone, which is not"
        + " read"
    case .unknownQuantization(let method):
      "quantization_config \(method.map { "has the quant_method \(quoted($0))" } ?? "has no quant_method")"
        + ", expected \(ScaledWeights.Method.allCases.map(\.rawValue).joined(separator: " or "))"
    case .quantizationBlock:
      "weight_block_size of quantization_config is not a pair of whole numbers above 0"
    case .scales(let names, let expected):
      "holds FP8 numbers, whose scales are expected in \(names.joined(separator: " or ")) with the"
        + " shape \(expected)"
    case .malformedIndex(let problem): "malformed index: \(problem)"
    case .unsafeShardName(let found):
      "the index names \(quoted(found)): expected the plain name of a file in the same folder"
    case .shardMissing(let name): "the index names \(quoted(name)), which does not exist"
    case .tensorNotInShard(let shard):
      "the index places the tensor in \(quoted(shard)), which does not hold it"
    case .tensorNotInIndex(let shard):
      "shard \(quoted(shard)) holds a tensor that the index does not place there"
    case .tensorInTwoShards(let first, let second):
      "shards \(quoted(first)) and \(quoted(second)) hold the same tensor"
    }
  }

  /// What the user can do about it; nil where there is nothing to say.
  public var hint: String? {
    switch self {
    case .noModel(let count) where count > 1: "give the GGUF file itself"
    case .adapter:
      "merge it into its model (merge_and_unload of peft), save that and give its folder"
    case .unfinishedDownload: "start the download again: it continues where it stopped"
    case .halfReplaced: OutputFault.bothWait
    case .linkLeadsOut: "put the file itself in its place, if it is the model's"
    case .hubCache: "give the folder below its snapshots/"
    case .unknownQuantization: "save the model with plain weights, and give that folder"
    case .noWeights: "weights in .bin or .pth files are not read; convert them to safetensors"
    default: nil
    }
  }
}

extension FileError {
  /// The files of a model folder or of a sharded model do not fit together.
  package static func folder(_ fault: FolderFault, file: String, place: ErrorPlace) -> FileError {
    FileError(fault, file: file, place: place)
  }
}
