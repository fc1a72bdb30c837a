import Base

/// A fault in decoding, encoding or factorizing numbers.
public enum TensorError: Diagnostic {
  /// Elements of this type have no numeric meaning here.
  case cannotDecode(ElementType)
  /// The program cannot store numbers in this type.
  case cannotEncode(ElementType)
  /// A quantized type holds finite numbers only.
  case notFinite(ElementType)
  /// A finite number that would become infinite in this type.
  case overflow(ElementType, Float)
  /// A block's scale exceeds float16, in which the type stores it.
  case scaleOverflow(ElementType)
  /// The elements to encode are not whole blocks.
  case partialBlock(type: ElementType, elements: Int)
  /// The bytes do not hold the number of elements asked for.
  case wrongByteCount(type: ElementType, elements: Int, found: Int)
  /// LAPACK reports a failure: the matrix is singular, not positive definite, or not finite.
  case factorization(routine: String, info: Int)
  /// Matrices whose sizes do not fit together.
  case sizes(String)
  /// There is no memory for a matrix.
  case outOfMemory(bytes: Int)
  /// There is no memory for OpenBLAS's buffers.
  case noBuffers(bytes: Int)

  /// What is wrong, in one line.
  public var summary: String {
    switch self {
    case .cannotDecode(let type): "elements of type \(type.rawValue) cannot be decoded"
    case .cannotEncode(let type): "numbers cannot be stored as \(type.rawValue)"
    case .notFinite(let type): "\(type.rawValue) cannot hold a number that is not finite"
    case .overflow(let type, let number):
      "\(type.rawValue) cannot hold \(number), which would become infinite"
    case .scaleOverflow(let type):
      "the numbers are too large for \(type.rawValue), whose scales are float16"
    case .partialBlock(let type, let elements):
      "\(elements) elements are not whole blocks of type \(type.rawValue)"
    case .wrongByteCount(let type, let elements, let found):
      "\(found) bytes for \(elements) elements of type \(type.rawValue)"
    case .factorization(let routine, let info):
      "\(routine) failed with \(info): the matrix is singular or not finite"
    case .sizes(let problem): problem
    case .outOfMemory(let bytes): "there is no memory for \(bytes) bytes"
    case .noBuffers(let bytes):
      "there is no memory for OpenBLAS's buffers, \(bytes >> 20) MiB of addresses: fewer threads"
        + " take less, and a limit of this process (ulimit -v) can be raised"
    }
  }

  /// The exit status of a command that ends with it.
  public var exitStatus: ExitStatus {
    switch self {
    case .sizes, .wrongByteCount, .partialBlock, .outOfMemory, .noBuffers: .internalError
    default: .malformedData
    }
  }
}
