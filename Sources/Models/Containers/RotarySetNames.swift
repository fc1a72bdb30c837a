/// What config.json calls the rotations of layers that look near and of those that look far, where the
/// two differ.
struct RotarySetNames {
  let near: String
  let far: String
  /// Without such names one rotation is that of the layers that compress, whose base has a key of its
  /// own.
  let isOfCompression: Bool

  init(_ block: BlockRecipe) {
    isOfCompression = block.compression != nil
    near = isOfCompression ? "main" : LayerKind.windowed.rawValue
    far = isOfCompression ? "compress" : LayerKind.full.rawValue
  }

  var all: [String] { [near, far] }

  func name(near isNear: Bool) -> String { isNear ? near : far }
}

extension BlockRecipe {
  /// What people call the rotation of layers that look near, or that of the others.
  package func rotationName(isLocal: Bool) -> String {
    let names = RotarySetNames(self)
    guard names.isOfCompression else { return isLocal ? "local" : "global" }
    return names.name(near: isLocal)
  }
}
