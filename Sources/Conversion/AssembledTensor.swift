import Checkpoints
import Models

extension TensorAssembly {
  /// A tensor of the output and how it came about.
  struct Assembled {
    let tensor: OutputTensor
    let isCopy: Bool
    let isRewritten: Bool
    /// Its rows do not fit the type that a mix names for it.
    var isFallback = false
    /// It is quantized without what an importance matrix says of other tensors.
    var lacksImportance = false
    /// The same tensor as a reader of the output has it, where it holds what a fit may choose
    /// (`FitDigest`).
    var fittable: OutputTensor?
    /// What its weights take in the source, scales included, where they are stored with some there.
    var scaledBytes = 0

    /// Weights in few bits take more than they did.
    var isWidened: Bool { scaledBytes > 0 && tensor.byteCount > scaledBytes }
  }
}

extension WeightSource {
  /// What it takes in its file, where that has scales for it; else 0.
  var scaledBytes: Int {
    guard let (elements, scales) = tensor.parts, tensor.elementCount > 0 else { return 0 }
    let share = Double(count) / Double(tensor.elementCount)
    return Int((share * Double(elements.byteCount + scales.byteCount)).rounded())
  }
}
