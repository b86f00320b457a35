module peach.example/dot

go 1.19
