import CKernels

/// What happens to a running program from outside.
package enum SignalHandling {
  /// On SIGINT and SIGTERM removes the temporary file of an unfinished output and exits with 130 or
  /// 143; on SIGBUS, which a mapped file raises when it is truncated while it is read, also says so
  /// in one line and exits with 74.
  package static func install() { rc_install_signal_handlers() }

  /// Puts SIGINT and SIGTERM off while files change places, which must not stop in the middle.
  package static func hold() { rc_hold_signals(1) }

  /// Lets them end the program again, with one that came in the meantime.
  package static func release() { rc_hold_signals(0) }

  /// Names a process that is waited for, which SIGINT and SIGTERM end too; nil once it has ended.
  package static func passOn(to process: Int32?) { rc_set_child(process ?? 0) }

  /// What SIGINT and SIGTERM say on standard error, its line end included; nil for nothing.
  package static func setStopLine(_ line: String?) { rc_set_stop_line(line) }
}
