/// Tensors shared out to files of a limited size.
package enum TensorShards {
  /// Splits tensors, in their order, so that those of one file take at most `limit` bytes together;
  /// a larger tensor has a file of its own.
  package static func split(_ tensors: [OutputTensor], limit: Int) -> [[OutputTensor]] {
    var shards: [[OutputTensor]] = []
    var size = 0
    for tensor in tensors {
      let (sum, overflow) = size.addingReportingOverflow(tensor.byteCount)
      if shards.isEmpty || overflow || sum > limit {
        shards.append([])
        size = 0
      }
      shards[shards.count - 1].append(tensor)
      size += tensor.byteCount
    }
    return shards.isEmpty ? [[]] : shards
  }
}
