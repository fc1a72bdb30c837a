import Base
import Checkpoints
import Models
import Tensors

/// How much errors count in each column of one tensor of the output.
struct ColumnImportance: Sendable {
  /// [matrices, columns]
  let means: [Float]
  let columns: Int
  /// Rows of one matrix, a stack of experts having several.
  let rowsOfMatrix: Int

  /// Of a matrix, the numbers of its columns.
  func columns(ofMatrix matrix: Int) -> [Float] {
    Array(means[(matrix * columns)..<((matrix + 1) * columns)])
  }
}

extension TensorAssembly {
  /// What the importance matrix says of a tensor; nil where it says nothing. Embeddings of another
  /// size than the matrix has are stored without it, as llama-quantize does.
  /// - Throws: `ImportanceFault.columns` where the tensor has other columns.
  func importance(
    of name: String, _ role: Role, as type: ElementType, shape: [Int]
  ) throws -> ColumnImportance? {
    guard let importance, type.usesImportance, let entry = importance.entries[name],
      let columns = shape.last, shape.count > 1
    else { return nil }
    let matrices = shape.dropLast(2).reduce(1, *)
    guard entry.sums.count == matrices * columns else {
      if role == .embedding { return nil }
      throw FileError(
        ImportanceFault.columns(found: entry.sums.count, expected: matrices * columns),
        file: importance.file?.path ?? "", place: .tensor(name, byte: nil))
    }
    return ColumnImportance(
      means: entry.means, columns: columns, rowsOfMatrix: shape[shape.count - 2])
  }

  /// Encodes rows of a tensor, the first of which is `firstRow`.
  func encode(
    _ values: UnsafeBufferPointer<Float>, as type: ElementType, tensor: String,
    importance: ColumnImportance? = nil, firstRow: Int = 0
  ) throws -> [UInt8] {
    do {
      guard let importance else {
        return try Encoding.encode(values, as: type, threads: threads)
      }
      let last = firstRow + values.count / importance.columns
      var bytes: [UInt8] = []
      var row = firstRow
      while row < last {
        // The matrices of a stack have columns of their own.
        let matrix = row / importance.rowsOfMatrix
        let end = min(last, (matrix + 1) * importance.rowsOfMatrix)
        let rows = UnsafeBufferPointer(
          rebasing: values[
            ((row - firstRow) * importance.columns)..<((end - firstRow) * importance.columns)])
        bytes += try Encoding.encode(
          rows, as: type, importance: importance.columns(ofMatrix: matrix), threads: threads)
        row = end
      }
      return bytes
    } catch {
      let file = plan.checkpoint.path
      switch error {
      case .overflow, .scaleOverflow:
        throw ConversionError.tooLarge(
          file: file, tensor: tensor, type: type, reason: error.summary)
      default:
        throw ConversionError.elementType(file: file, tensor: tensor, reason: error.summary)
      }
    }
  }
}
