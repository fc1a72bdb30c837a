import Base

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file that appears under its name complete or not at all: a temporary file in the same folder,
/// written, flushed to the disk and renamed.
///
/// Every file this program writes as a result goes through here. Without `commit`, the temporary
/// file is removed at the end of the value's life.
struct AtomicFile: ByteSink, ~Copyable {
  /// Smaller ranges are copied through the buffer.
  private static let smallestDirectCopy = 1 << 20
  private static let bufferSize = 1 << 20
  /// Bytes after which the disk is told to begin.
  private static let writeBackSize = 1 << 25
  /// SYNC_FILE_RANGE_WRITE.
  private static let beginWriting: UInt32 = 2

  let path: String
  /// Bytes given so far, some of them perhaps still in the buffer.
  private(set) var byteCount = 0
  private let temporary: String
  private let descriptor: Int32
  private let replaces: Bool
  private let inputs: OutputInputs
  /// What stood at the path when the file was begun.
  private let before: FileStamp?
  private var buffer: [UInt8] = []
  private var committed = false
  /// Bytes in the file, and those of them that the disk was told to begin with.
  private var written = 0
  private var handedOver = 0

  /// Checks the target and creates the temporary file.
  ///
  /// - Parameters:
  ///   - target: the file to be.
  ///   - byteCount: bytes that are going to be written, for the check of free space.
  /// - Throws: `FileError.output`.
  init(creating target: OutputTarget, byteCount: Int) throws(FileError) {
    try target.checkFile(byteCount: byteCount)
    // Past a file size limit, write then fails with EFBIG instead of ending the process.
    signal(SIGXFSZ, SIG_IGN)
    TemporaryName.removeLeftovers(of: target.path)
    let name = TemporaryName.new(for: target.path)
    TemporaryRegistry.register(name)
    var opened: Int32 = -1
    let number = uninterrupted {
      opened = createFile(name)
      return opened
    }
    guard number == 0 else {
      TemporaryRegistry.unregister(name)
      throw target.fault(.cannotCreate(reason: errorText(number)))
    }
    TemporaryName.hold(opened)
    path = target.path
    replaces = target.force
    inputs = target.inputs
    before = FileStamp(linkItself: path)
    temporary = name
    descriptor = opened
    buffer.reserveCapacity(Self.bufferSize)
  }

  deinit {
    close(descriptor)
    if !committed { unlink(temporary) }
    TemporaryRegistry.unregister(temporary)
  }

  // MARK: - Writing

  mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    byteCount += bytes.count
    if buffer.count + bytes.count > Self.bufferSize { try flushBuffer() }
    if bytes.count >= Self.bufferSize {
      try writeOut(bytes)
      startWriteBack(of: bytes.count)
    } else {
      buffer.append(contentsOf: bytes)
    }
  }

  /// Appends a range of an input file; the kernel copies it, or shares it, where it can.
  mutating func copy(_ range: Range<Int>, of file: MappedFile) throws(FileError) {
    guard range.count >= Self.smallestDirectCopy else {
      try file.withBytes(range) { (bytes) throws(FileError) in
        guard bytes.count == range.count else {
          throw .input(
            .truncatedWhileRead(expected: range.count, found: bytes.count), file: file.path)
        }
        try write(bytes)
      }
      return
    }
    try flushBuffer()
    var position = range.lowerBound
    while position < range.upperBound {
      let wanted = min(range.upperBound - position, largestTransfer)
      var moved = try copyInKernel(from: file, at: position, count: wanted)
      if moved == 0 { moved = try copyThroughMemory(from: file, at: position, count: wanted) }
      position += moved
      byteCount += moved
      startWriteBack(of: moved)
    }
  }

  /// copy_file_range(2); 0 where the system or the file systems cannot do it.
  private func copyInKernel(
    from file: MappedFile, at offset: Int, count: Int
  ) throws(FileError) -> Int {
    guard let call = OptionalCalls.copyFileRange, WriteFaults.current?.copiesThroughMemory != true
    else { return 0 }
    while true {
      var position = Int64(file.start + offset)
      let fault = WriteFaults.next()
      let moved = fault == nil ? call(file.descriptor, &position, descriptor, nil, count, 0) : -1
      if moved >= 0 { return moved }
      switch fault ?? errno {
      case EINTR: continue
      case let number where [ENOSPC, EDQUOT, EFBIG, EIO].contains(number):
        throw failure("copy_file_range", number)
      default: return 0
      }
    }
  }

  private func copyThroughMemory(
    from file: MappedFile, at offset: Int, count: Int
  ) throws(FileError) -> Int {
    var block = [UInt8](repeating: 0, count: min(count, Self.bufferSize))
    let found = try file.read(at: offset, count: count, into: &block)
    try block.span.bytes.withUnsafeBytes { (block) throws(FileError) in
      try writeOut(UnsafeRawBufferPointer(rebasing: block[0..<found]))
    }
    return found
  }

  /// Replaces bytes that were written before, such as a checksum known only afterwards.
  mutating func overwrite(_ bytes: [UInt8], at offset: Int) throws(FileError) {
    try flushBuffer()
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in
      try writeOut(bytes, at: offset)
    }
  }

  private mutating func flushBuffer() throws(FileError) {
    guard !buffer.isEmpty else { return }
    try buffer.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in try writeOut(bytes) }
    startWriteBack(of: buffer.count)
    buffer.removeAll(keepingCapacity: true)
  }

  private func writeOut(
    _ bytes: UnsafeRawBufferPointer, at offset: Int? = nil
  ) throws(FileError) {
    let number = writeAll(bytes, to: descriptor, at: offset)
    guard number == 0 else { throw failure("write", number) }
  }

  /// Has the disk begin with bytes that were written, beside the work on those to come, so that
  /// little is left for the end.
  private mutating func startWriteBack(of count: Int) {
    written += count
    guard written - handedOver >= Self.writeBackSize, let call = OptionalCalls.syncFileRange else {
      return
    }
    // Of no consequence where it fails: the end waits for all bytes and tells what is wrong.
    _ = call(descriptor, Int64(handedOver), Int64(written - handedOver), Self.beginWriting)
    handedOver = written
  }

  // MARK: - Finishing

  /// Flushes everything to the disk and gives the file its name.
  ///
  /// - Parameters:
  ///   - isStaged: the file waits in a folder that is flushed when it is full.
  ///   - sets: older sets of shards that the file takes the place of.
  /// - Returns: the bytes of the file.
  /// - Throws: `FileError.output`, and what the inputs' check throws.
  mutating func commit(
    isStaged: Bool = false, replacing sets: OldShards? = nil
  ) throws(FileError) -> Int {
    try flushBuffer()
    let flushed = uninterrupted { fsync(descriptor) }
    guard flushed == 0 else { throw failure("fsync", flushed) }
    try inputs.check()
    let folder = Paths.folder(of: path)
    // Of a staging folder this process holds the lock already.
    let lock = isStaged ? nil : try FolderLock(folder, for: path)
    defer { lock?.release() }
    if replaces, !OutputTarget.isUnchanged(path, since: before) {
      throw .output(.changedMeanwhile, file: path, place: .whole)
    }
    try sets?.checkAreAsBefore()
    switch renameFile(temporary, to: path, replacing: replaces) {
    case 0: break
    case EEXIST where !replaces: throw .output(.exists, file: path, place: .whole)
    case let number: throw failure("rename", number)
    }
    committed = true
    TemporaryRegistry.unregister(temporary)
    if !isStaged { FolderFlush.afterRenaming(folder, of: path) }
    try sets?.remove()
    return byteCount
  }

  private func failure(_ operation: String, _ number: Int32) -> FileError {
    .output(
      .systemError(operation: operation, reason: errorText(number)), file: path, place: .whole)
  }
}

/// Creates a file that must not exist, with the permissions of the user's mask.
private func createFile(_ path: String) -> Int32 {
  open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
}
