import Base
import Tensors

/// A tensor's record, its numbers checked on their own.
struct GGUFTensorRecord {
  let name: String
  let type: ElementType
  /// Outermost dimension first.
  let shape: [Int]
  /// Offset from the start of the data section.
  let offset: UInt64
  let byteCount: Int
  /// Where the record stands.
  let position: Int

  var place: ErrorPlace { .tensor(name, byte: position) }
}

extension GGUFReader {
  mutating func readTensors(
    count: Int, alignment: Int, _ bytes: RawSpan
  ) throws(FileError) -> [GGUFTensorRecord] {
    var records: [GGUFTensorRecord] = []
    records.reserveCapacity(count)
    var names: Set<String> = []
    var total = 0
    for _ in 0..<count {
      let record = try readTensor(alignment: alignment, bytes)
      guard names.insert(record.name).inserted else { throw fault(.duplicateTensor, record.place) }
      guard let padded = roundedUp(record.byteCount, to: alignment) else {
        throw fault(.paddingOverflow(bytes: record.byteCount, alignment: alignment), record.place)
      }
      let (sum, overflow) = total.addingReportingOverflow(padded)
      guard !overflow else { throw fault(.totalSizeOverflow, record.place) }
      total = sum
      records.append(record)
    }
    return records
  }

  private mutating func readTensor(
    alignment: Int, _ bytes: RawSpan
  ) throws(FileError) -> GGUFTensorRecord {
    let start = reader.offset
    let name = try readTensorName(bytes)
    let place = ErrorPlace.tensor(name, byte: start)
    let shape = try readShape(place, bytes)
    let type = try readType(place, bytes)
    guard let elements = elementCount(of: shape) else {
      throw fault(.elementCountOverflow(dimensions: shape), place)
    }
    let row = shape.last ?? 1
    guard row % type.elementsPerBlock == 0 else {
      throw fault(.rowNotWholeBlocks(row: row, block: type.elementsPerBlock), place)
    }
    guard let byteCount = type.byteCount(elements: elements) else {
      throw fault(.byteSizeOverflow(elements: elements), place)
    }
    let offset = try integer(UInt64.self, bytes, of: place)
    guard offset % UInt64(alignment) == 0 else {
      throw fault(.misalignedOffset(found: offset, alignment: alignment), place)
    }
    return GGUFTensorRecord(
      name: name, type: type, shape: shape, offset: offset, byteCount: byteCount, position: start)
  }

  private mutating func readTensorName(_ bytes: RawSpan) throws(FileError) -> String {
    let start = reader.offset
    let length = try integer(UInt64.self, bytes)
    guard length > 0 else { throw fault(.emptyTensorName, at: start) }
    guard length <= UInt64(GGUFLimits.tensorNameLength) else {
      throw fault(
        .tensorNameTooLong(found: length, limit: GGUFLimits.tensorNameLength), at: start)
    }
    guard let range = reader.skip(length) else {
      throw fault(.endOfFile(needed: length, remaining: reader.remaining), at: start)
    }
    guard let name = bytes.text(range), !name.utf8.contains(0) else {
      throw fault(.tensorNameNotText, at: start)
    }
    return name
  }

  private mutating func readShape(
    _ place: ErrorPlace, _ bytes: RawSpan
  ) throws(FileError) -> [Int] {
    let rank = try integer(UInt32.self, bytes, of: place)
    guard rank <= UInt32(GGUFLimits.dimensions) else {
      throw fault(.tooManyDimensions(found: rank, limit: GGUFLimits.dimensions), place)
    }
    var dimensions: [Int] = []
    for _ in 0..<rank {
      let dimension = try integer(UInt64.self, bytes, of: place)
      guard let value = Int(exactly: dimension) else {
        throw fault(.dimensionTooLarge(found: dimension), place)
      }
      dimensions.append(value)
    }
    // GGUF has the innermost dimension first.
    return dimensions.reversed()
  }

  private mutating func readType(
    _ place: ErrorPlace, _ bytes: RawSpan
  ) throws(FileError) -> ElementType {
    let number = try integer(UInt32.self, bytes, of: place)
    switch GGMLType(number: number) {
    case .element(let type): return type
    case .unsupported(let name): throw fault(.unsupportedTensorType(name: name), place)
    case .removed(let name): throw fault(.removedTensorType(name: name), place)
    case .unknown: throw fault(.unknownTensorType(found: number), place)
    }
  }

  /// Places the tensors in the file, which must hold all their bytes, and no byte twice.
  ///
  /// The data section starts where the header ends, rounded up to the alignment. Gaps between
  /// tensors and any order are accepted; the padding after the last tensor may be missing.
  func locate(
    _ records: [GGUFTensorRecord], alignment: Int
  ) throws(FileError) -> [TensorEntry] {
    let start = roundedUp(reader.offset, to: alignment) ?? reader.end
    let available = max(reader.end - start, 0)
    var entries: [TensorEntry] = []
    entries.reserveCapacity(records.count)
    for record in records {
      guard let offset = Int(exactly: record.offset), offset <= available,
        record.byteCount <= available - offset
      else {
        throw fault(
          .tensorPastEnd(
            offset: record.offset, bytes: record.byteCount, available: available), record.place)
      }
      entries.append(
        TensorEntry(
          name: record.name, type: record.type, shape: record.shape, file: file,
          offset: start + offset, byteCount: record.byteCount))
    }
    let order = entries.indices.filter { entries[$0].byteCount > 0 }
      .sorted { entries[$0].offset < entries[$1].offset }
    for (one, next) in zip(order, order.dropFirst())
    where entries[one].range.upperBound > entries[next].offset {
      throw fault(.overlap(other: entries[one].name), records[next].place)
    }
    return entries
  }
}
