// oneDNN's C interface: matrix products on the instruction set the CPU has.
#include <dnnl.h>
