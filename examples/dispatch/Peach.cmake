# peach_library(TARGET FILE...): a library of kernels, with a header for each file.
#
# What links TARGET finds the headers, and calls the version of each kernel that the processor has.
# The kernels are compiled again when a file changes, or one that it includes.

find_program(PEACH peach REQUIRED)

function(peach_library target)
    if(CMAKE_SYSTEM_NAME STREQUAL "Windows")
        set(flags -mabi=ms -mimage-format=ms-coff)
    elseif(CMAKE_SYSTEM_NAME STREQUAL "Darwin")
        set(flags -mabi=sysv -mimage-format=mach-o)
    else()
        set(flags -mabi=sysv -mimage-format=elf)
    endif()
    set(directory ${CMAKE_CURRENT_BINARY_DIR}/${target})
    file(MAKE_DIRECTORY ${directory})
    set(outputs)
    foreach(file ${ARGN})
        cmake_path(GET file STEM name)
        cmake_path(ABSOLUTE_PATH file OUTPUT_VARIABLE path)
        set(object ${directory}/${name}${CMAKE_C_OUTPUT_EXTENSION})
        set(dispatcher ${directory}/${name}_dispatcher.c)
        add_custom_command(
            OUTPUT ${object} ${dispatcher} ${directory}/${name}.h
            COMMAND
                ${PEACH} ${flags} -ffunction-sections -MF ${object}.d -o ${object}
                -emit-c-header ${directory}/${name}.h -emit-dispatcher ${dispatcher} ${path}
            DEPENDS ${path} ${PEACH}
            DEPFILE ${object}.d
            VERBATIM
        )
        list(APPEND outputs ${object} ${dispatcher})
    endforeach()
    add_library(${target} STATIC ${outputs})
    set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
    target_include_directories(${target} PUBLIC ${directory})
endfunction()
