!> Lets a Fortran program be seen and steered (docs/steering.md). Compile with pilothouse_shim.c.
!! What is exposed must stay where it is: give it the attributes target and save.
module pilothouse
  use, intrinsic :: iso_c_binding, only: c_char, c_double, c_int, c_loc, c_null_char, c_ptr
  implicit none
  private
  public :: pilothouse_open, pilothouse_expose, pilothouse_flag, pilothouse_poll, pilothouse_close, c_ptr

  !> Expose a variable: call pilothouse_expose(sim, "dt", dt, writable=.true., unit="s").
  interface pilothouse_expose
    module procedure expose_double, expose_int
  end interface

  interface
    function f_open(name) bind(c, name="pilothouse_f_open") result(sim)
      import :: c_char, c_ptr
      character(kind=c_char), intent(in) :: name(*)
      type(c_ptr) :: sim
    end function
    function f_variable(sim, name, at, writable, unit) bind(c, name="pilothouse_f_double") result(failed)
      import :: c_char, c_int, c_ptr
      type(c_ptr), value :: sim, at
      character(kind=c_char), intent(in) :: name(*), unit(*)
      integer(c_int), value :: writable
      integer(c_int) :: failed
    end function
    function f_integer(sim, name, at, writable, unit) bind(c, name="pilothouse_f_int") result(failed)
      import :: c_char, c_int, c_ptr
      type(c_ptr), value :: sim, at
      character(kind=c_char), intent(in) :: name(*), unit(*)
      integer(c_int), value :: writable
      integer(c_int) :: failed
    end function
    function f_flag(sim, name, at) bind(c, name="pilothouse_f_flag") result(failed)
      import :: c_char, c_int, c_ptr
      type(c_ptr), value :: sim, at
      character(kind=c_char), intent(in) :: name(*)
      integer(c_int) :: failed
    end function
    !> Call it once per time step; never blocks.
    subroutine pilothouse_poll(sim) bind(c, name="pilothouse_f_poll")
      import :: c_ptr
      type(c_ptr), value :: sim
    end subroutine
    !> Say goodbye.
    subroutine pilothouse_close(sim) bind(c, name="pilothouse_f_close")
      import :: c_ptr
      type(c_ptr), value :: sim
    end subroutine
  end interface

contains

  !> Begin; name is what people call the simulation.
  function pilothouse_open(name) result(sim)
    character(len=*), intent(in) :: name
    type(c_ptr) :: sim
    sim = f_open(trim(name) // c_null_char)
  end function

  subroutine expose_double(sim, name, at, writable, unit)
    type(c_ptr), intent(in) :: sim
    character(len=*), intent(in) :: name
    real(c_double), target, intent(inout) :: at
    logical, intent(in), optional :: writable
    character(len=*), intent(in), optional :: unit
    call check(f_variable(sim, trim(name) // c_null_char, c_loc(at), flag_of(writable), text_of(unit)), name)
  end subroutine

  subroutine expose_int(sim, name, at, writable, unit)
    type(c_ptr), intent(in) :: sim
    character(len=*), intent(in) :: name
    integer(c_int), target, intent(inout) :: at
    logical, intent(in), optional :: writable
    character(len=*), intent(in), optional :: unit
    call check(f_integer(sim, trim(name) // c_null_char, c_loc(at), flag_of(writable), text_of(unit)), name)
  end subroutine

  !> Expose a function without arguments: a call sets flag to 1, the program acts on it when it suits.
  subroutine pilothouse_flag(sim, name, flag)
    type(c_ptr), intent(in) :: sim
    character(len=*), intent(in) :: name
    integer(c_int), target, intent(inout) :: flag
    call check(f_flag(sim, trim(name) // c_null_char, c_loc(flag)), name)
  end subroutine

  function flag_of(wish) result(flag)
    logical, intent(in), optional :: wish
    integer(c_int) :: flag
    flag = 0
    if (present(wish)) then
      if (wish) flag = 1
    end if
  end function

  function text_of(unit) result(text)
    character(len=*), intent(in), optional :: unit
    character(kind=c_char, len=:), allocatable :: text
    text = c_null_char
    if (present(unit)) text = trim(unit) // c_null_char
  end function

  subroutine check(failed, name)
    integer(c_int), intent(in) :: failed
    character(len=*), intent(in) :: name
    if (failed /= 0) write (0, '(3a)') "pilothouse: ", name, " cannot be exposed: no possible name, or too many"
  end subroutine
end module
