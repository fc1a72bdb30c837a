import Base
import Checkpoints
import Models
import Synchronization
import Tensors

/// The weights a fit has made, kept in a temporary file until the output is written: memory holds
/// one layer's, whatever the model's size.
package final class FittedWeights: Sendable {
  private struct Place {
    let offset: Int
    let rows: Int
    let columns: Int
  }

  private struct Key: Hashable {
    let layer: Int
    let role: Role
  }

  private struct Contents {
    var places: [Key: Place] = [:]
    var end = 0
  }

  private let file: NamelessFile
  private let contents = Mutex(Contents())

  /// - Throws: `ConversionError.temporaryFile` where none can be made.
  package init() throws(ConversionError) {
    do throws(NamelessFile.Failure) { file = try NamelessFile() } catch {
      throw Self.failure(error.number)
    }
  }

  private static func failure(_ number: Int32) -> ConversionError {
    .temporaryFile(folder: NamelessFile.folder, reason: errorText(number))
  }

  /// The roles of a layer that were fitted.
  func roles(layer: Int) -> Set<Role> {
    contents.withLock { contents in
      Set(Role.allCases.filter { contents.places[Key(layer: layer, role: $0)] != nil })
    }
  }

  func store(_ weight: DoubleMatrix, _ role: Role, layer: Int) throws(ConversionError) {
    let floats = weight.values.map { Float($0) }
    let number = contents.withLock { contents -> Int32 in
      let offset = contents.end
      let fault = floats.withUnsafeBytes { file.write($0, at: offset) }
      guard fault == 0 else { return fault }
      contents.places[Key(layer: layer, role: role)] = Place(
        offset: offset, rows: weight.rows, columns: weight.columns)
      contents.end += MemoryLayout<Float>.size * floats.count
      return 0
    }
    guard number == 0 else { throw Self.failure(number) }
  }

  /// The weight of a layer; nil where it was not fitted.
  func weight(_ role: Role, layer: Int) throws(ConversionError) -> DoubleMatrix? {
    let place = contents.withLock { $0.places[Key(layer: layer, role: role)] }
    guard let place else { return nil }
    var floats = [Float](repeating: 0, count: place.rows * place.columns)
    let number = floats.withUnsafeMutableBytes { file.read(at: place.offset, into: $0) }
    guard number == 0 else { throw Self.failure(number) }
    var matrix = DoubleMatrix(rows: place.rows, columns: place.columns)
    matrix.values = floats.map { Double($0) }
    return matrix
  }
}
