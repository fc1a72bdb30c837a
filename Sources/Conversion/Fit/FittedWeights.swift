import Foundation
import Models
import Synchronization
import Tensors

/// The weights a fit has made, kept in a temporary file until the output is written: memory holds
/// one layer's, whatever the model's size.
package final class FittedWeights: Sendable {
  private struct Place {
    let offset: UInt64
    let rows: Int
    let columns: Int
  }

  private struct Key: Hashable {
    let layer: Int
    let role: Role
  }

  private struct Contents {
    var places: [Key: Place] = [:]
    var end: UInt64 = 0
  }

  private let file: FileHandle
  private let contents = Mutex(Contents())

  /// - Throws: `ConversionError.temporaryFile` where none can be made.
  package init() throws(ConversionError) {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("ropeconv-fit-\(UUID().uuidString)").path
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let handle = FileHandle(forUpdatingAtPath: path)
    else { throw .temporaryFile(path: path) }
    // The file lives as long as it is open.
    try? FileManager.default.removeItem(atPath: path)
    file = handle
  }

  deinit { try? file.close() }

  /// The roles of a layer that were fitted.
  func roles(layer: Int) -> Set<Role> {
    contents.withLock { contents in
      Set(Role.allCases.filter { contents.places[Key(layer: layer, role: $0)] != nil })
    }
  }

  func store(_ weight: DoubleMatrix, _ role: Role, layer: Int) throws(ConversionError) {
    let floats = weight.values.map { Float($0) }
    do {
      try contents.withLock { contents in
        try file.seek(toOffset: contents.end)
        try floats.withUnsafeBytes { try file.write(contentsOf: Data($0)) }
        contents.places[Key(layer: layer, role: role)] = Place(
          offset: contents.end, rows: weight.rows, columns: weight.columns)
        contents.end += UInt64(4 * floats.count)
      }
    } catch { throw .temporaryFile(path: FileManager.default.temporaryDirectory.path) }
  }

  /// The weight of a layer; nil where it was not fitted.
  func weight(_ role: Role, layer: Int) throws(ConversionError) -> DoubleMatrix? {
    do {
      return try contents.withLock { contents -> DoubleMatrix? in
        guard let place = contents.places[Key(layer: layer, role: role)] else { return nil }
        let count = place.rows * place.columns
        try file.seek(toOffset: place.offset)
        guard let data = try file.read(upToCount: 4 * count), data.count == 4 * count else {
          throw CocoaError(.fileReadUnknown)
        }
        var matrix = DoubleMatrix(rows: place.rows, columns: place.columns)
        data.withUnsafeBytes { bytes in
          for index in 0..<count {
            matrix.values[index] = Double(
              bytes.loadUnaligned(fromByteOffset: 4 * index, as: Float.self))
          }
        }
        return matrix
      }
    } catch { throw .temporaryFile(path: FileManager.default.temporaryDirectory.path) }
  }
}
